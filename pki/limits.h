/*
 * The named limits and defaults of the certificate authority: sizes of names
 * and files, validity, and the cost of opening a key. Included by pki/ alone.
 * What always holds: none of them can be exceeded by an option.
 */
#ifndef VIRTMUX_PKI_LIMITS_H
#define VIRTMUX_PKI_LIMITS_H

#define AUTHORITY_NAME_MAX 64  /* bytes */
#define HOST_NAME_LONGEST  240 /* bytes; "NAME.crt" must fit in 255 */
#define SAN_TEXT_SIZE      254 /* bytes of a DNS name (RFC 1035) and a NUL */
#define SAN_MAX            64  /* names in one host certificate */

#define PERMIT_MAX 64 /* name constraints of an authority */

#define PEM_FILE_MAX   (64 * 1024)        /* bytes of a certificate or key */
#define CRL_FILE_MAX   (8 * 1024 * 1024)  /* bytes; some 150,000 entries */
#define INDEX_FILE_MAX (16 * 1024 * 1024) /* bytes; some 100,000 lines */

#define DAYS_MAX            36500 /* of validity, for any certificate */
#define DAYS_OF_AUTHORITY   3650
#define DAYS_OF_CERTIFICATE 365
#define DAYS_OF_CRL         180
#define BACKDATE_SECONDS    300 /* for clocks that are a little behind */
#define SECONDS_PER_DAY     86400L

#define RSA_BITS_MIN 2048 /* of a key that was made elsewhere */
#define RSA_BITS_MAX 8192

#define PASSPHRASE_MIN   4 /* bytes; openssl(1) asks for no less */
#define PASSPHRASE_TRIES 3 /* at a terminal */

#define P12_ITERATIONS 100000 /* of a PKCS#12 file: NSS takes up to 600,000 */

#define SERIAL_BYTES     16 /* random, positive (RFC 5280 4.1.2.2) */
#define SERIAL_TEXT_SIZE (2 * SERIAL_BYTES + 1)

#endif
