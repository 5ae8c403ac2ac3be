# room(NAME SOURCES … LINKS … PRIVATE …): one static library for a room.
# LINKS: other rooms and libraries whose headers the room's own headers show;
# PRIVATE: libraries that its .c files alone use. Includes are written from the
# tree's top ("daemon/rpc/call.h") or from common/ ("wire/h2.h").
function(room name)
	cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE" ${ARGN})
	add_library(${name} STATIC ${ROOM_SOURCES})
	target_include_directories(${name} PUBLIC
		${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/common)
	target_link_libraries(${name} PUBLIC ${ROOM_LINKS}
		PRIVATE ${ROOM_PRIVATE})
endfunction()
