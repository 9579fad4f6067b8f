# The one image: operator and gateways. `make image` puts into dist/ what is copied here; nothing is downloaded
# and no base image is needed, since the program is static.
FROM scratch
COPY dist/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY dist/client /client
COPY dist/realtime-pod /realtime
USER 65532:65532
ENTRYPOINT ["/realtime"]
