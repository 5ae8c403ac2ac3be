/*
 * Whether a certificate is what virtmux-pki issues: OpenSSL's strict verification
 * against the authority, and every field. Called by authority before a
 * certificate counts, and by check. What always holds: nothing is changed, and
 * the clock is not looked at.
 */
#ifndef VIRTMUX_PKI_VERIFY_H
#define VIRTMUX_PKI_VERIFY_H

#include "base/error.h"
#include "pki/certificate.h"
#include "pki/index.h"

/*
 * As "openssl verify -x509_strict" with the purpose of KIND would, but at no
 * certain time; ISSUER is the only certificate that is trusted. ERROR_STATE with
 * OpenSSL's reason.
 */
int verify_chain(X509 *certificate, X509 *issuer, enum certificate_kind kind,
		 struct error *err);

/*
 * That it has exactly the fields that ENTRY's kind, name, serial and end ask for
 * (RFC 5280, DESIGN: one usage, one URI or the host's names). ERROR_STATE with
 * the first that differs.
 */
int verify_fields(X509 *certificate, const struct index_entry *entry,
		  struct error *err);

#endif
