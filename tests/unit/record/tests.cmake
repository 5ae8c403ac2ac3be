unit_test(record cast record)
unit_test(record capture record)
