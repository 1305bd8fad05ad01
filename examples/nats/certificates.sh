#!/bin/sh
# Makes the certificate of a node: sh certificates.sh n1.internal
# The authority, ca.pem and ca.key, is made the first time. Keep its key off the nodes.
set -eu
host=$1
new_key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

if [ ! -e ca.pem ]; then
    openssl req -x509 $new_key -keyout ca.key -out ca.pem -days 3650 \
        -subj "/CN=nodes of mysite" -addext keyUsage=critical,keyCertSign
fi
openssl req $new_key -keyout "$host.key" -out "$host.csr" -subj "/CN=$host"
printf '%s\n' "subjectAltName=DNS:$host" "authorityKeyIdentifier=keyid" \
    "extendedKeyUsage=serverAuth,clientAuth" > "$host.extensions"
openssl x509 -req -in "$host.csr" -extfile "$host.extensions" -days 825 \
    -CA ca.pem -CAkey ca.key -CAcreateserial -out "$host.pem"
rm "$host.csr" "$host.extensions"
