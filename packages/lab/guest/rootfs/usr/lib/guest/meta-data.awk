# meta-data, YAML or JSON on one line, into the files instance-id, local-hostname and keys.
function value(text) {
  sub(/^[^:]*:[ \t]*/, "", text)
  gsub(/^["' \t]+|["', \t\r}]+$/, "", text)
  return text
}
BEGIN { printf "" > "keys" }
{
  count = /^[ \t]*\{/ ? split($0, parts, /[{},]/) : split($0, parts, "\n")
  for (i = 1; i <= count; i++) {
    part = parts[i]
    if (part ~ /^[ \t]*"?instance[-_]id"?[ \t]*:/) print value(part) > "instance-id"
    if (part ~ /^[ \t]*"?local[-_]hostname"?[ \t]*:/) print value(part) > "local-hostname"
    if (match(part, /(ssh-(ed25519|rsa|dss)|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9@.-]+) AAAA[^"']*/)) print substr(part, RSTART, RLENGTH) > "keys"
  }
}
