//! Keys of TLS. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, class, list, password, string};

pub(super) const KEYS: &[ConfigKey] = &[
    boolean("ssl.allow.dn.changes", "Whether a new certificate may carry another distinguished name.")
        .default("false")
        .low(),
    boolean("ssl.allow.san.changes", "Whether a new certificate may carry other alternative names.")
        .default("false")
        .low(),
    list("ssl.cipher.suites", "Cipher suites that may be used; empty for the usual ones.").default("").per_broker(),
    string("ssl.client.auth", "Whether clients must show a certificate.")
        .default("none")
        .one_of(&["required", "requested", "none"])
        .per_broker(),
    list("ssl.enabled.protocols", "TLS versions that may be used.").default("TLSv1.2,TLSv1.3").per_broker(),
    string("ssl.endpoint.identification.algorithm", "How the host name of a server is checked; empty for no check.")
        .default("https")
        .low()
        .per_broker(),
    class("ssl.engine.factory.class", "Class that makes TLS engines; accepted for compatibility.").low().per_broker(),
    password("ssl.key.password", "Password of the private key.").per_broker(),
    string("ssl.keymanager.algorithm", "Java key manager algorithm; accepted for compatibility.")
        .default("SunX509")
        .per_broker(),
    password("ssl.keystore.certificate.chain", "Certificate chain as PEM text.").per_broker(),
    password("ssl.keystore.key", "Private key as PEM text.").per_broker(),
    string("ssl.keystore.location", "File with the private key and certificate.").per_broker(),
    password("ssl.keystore.password", "Password of the key store file.").per_broker(),
    string("ssl.keystore.type", "Format of the key store: JKS, PKCS12 or PEM.").default("JKS").per_broker(),
    string("ssl.principal.mapping.rules", "Rules that turn a certificate's name into a user name.")
        .default("DEFAULT")
        .low(),
    string("ssl.protocol", "Preferred TLS version.").default("TLSv1.3").per_broker(),
    string("ssl.provider", "Java TLS provider; accepted for compatibility.").per_broker(),
    string("ssl.secure.random.implementation", "Java random generator; accepted for compatibility.").low().per_broker(),
    string("ssl.trustmanager.algorithm", "Java trust manager algorithm; accepted for compatibility.")
        .default("PKIX")
        .per_broker(),
    password("ssl.truststore.certificates", "Trusted certificates as PEM text.").per_broker(),
    string("ssl.truststore.location", "File with the trusted certificates.").per_broker(),
    password("ssl.truststore.password", "Password of the trust store file.").per_broker(),
    string("ssl.truststore.type", "Format of the trust store: JKS, PKCS12 or PEM.").default("JKS").per_broker(),
];
