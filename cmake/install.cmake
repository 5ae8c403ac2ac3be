# install_program(TARGET FOLDER SECTION): TARGET into FOLDER, and the manual page that
# it prints into SECTION. The page is made with the build, so that it cannot differ.
function(install_program target folder section)
	set(page ${CMAKE_CURRENT_BINARY_DIR}/${target}.${section})
	add_custom_command(OUTPUT ${page}
		COMMAND ${target} --print-manual > ${page}
		DEPENDS ${target} VERBATIM)
	add_custom_target(${target}-manual ALL DEPENDS ${page})
	install(TARGETS ${target} RUNTIME DESTINATION ${folder})
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()

# install_pages(TARGET SECTION): the manual pages that TARGET writes into the folder that
# it is given.
function(install_pages target section)
	set(folder ${CMAKE_CURRENT_BINARY_DIR}/man${section})
	add_custom_command(OUTPUT ${folder}.made
		COMMAND ${CMAKE_COMMAND} -E rm -rf ${folder}
		COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
		COMMAND ${target} ${folder}
		COMMAND ${CMAKE_COMMAND} -E touch ${folder}.made
		DEPENDS ${target} VERBATIM)
	add_custom_target(${target}-made ALL DEPENDS ${folder}.made)
	install(DIRECTORY ${folder}/
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
