foreach(file arguments authority certificate check commands confirm crl
		describe export help index issue json name passphrase renew
		report request revoke settings sign store target unlock verify)
	unit_test(pki ${file} pki)
endforeach()
