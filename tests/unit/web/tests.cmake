# The server of the page of `virtmux web`.
unit_test(web accept web)
unit_test(web assets web)
unit_test(web gate web)
unit_test(web http_library web)
