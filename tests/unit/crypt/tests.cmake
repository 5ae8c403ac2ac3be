unit_test(crypt crypto crypt)
unit_test(crypt key crypt)
