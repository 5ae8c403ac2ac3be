foreach(file arguments authority certificate check commands confirm crl crypto
		describe help index issue json key name passphrase renew report
		request revoke settings sign store target verify)
	unit_test(pki ${file} pki)
endforeach()
