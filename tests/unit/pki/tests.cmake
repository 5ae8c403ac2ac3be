foreach(file arguments authority certificate check commands confirm crl crypto
		describe export help index issue json key name passphrase renew
		report request revoke settings sign store target unlock verify)
	unit_test(pki ${file} pki)
endforeach()
