foreach(file arguments authority certificate commands crypto describe help index
		issue json key name passphrase report settings store)
	unit_test(pki ${file} pki)
endforeach()
