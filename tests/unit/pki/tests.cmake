foreach(file arguments authority certificate commands crl crypto describe help
		index issue json key name passphrase report revoke settings store target)
	unit_test(pki ${file} pki)
endforeach()
