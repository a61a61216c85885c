# network-config version 2: one line per ethernet, `name|mac|dhcp|addresses|gateway|mtu|name servers|routes to,via …`
function clean(text) {
  gsub(/[]["',\r]/, " ", text)
  gsub(/^[ \t]+|[ \t]+$/, "", text)
  return text
}
function rest(text) { sub(/^[^:]*:/, "", text); return clean(text) }
/^[ \t]*(#|$)/ { next }
{
  match($0, /^ */); at = RLENGTH
  line = $0; sub(/^ *(- )?/, "", line)
  item = $0 ~ /^ *- /
}
/^ *ethernets:/ { inside = at + 1; id = -1; next }
inside && at < inside { inside = 0 }
!inside { next }
id < 0 { id = at }
at == id {
  name = line; sub(/:.*/, "", name); gsub(/["']/, "", name)
  order[++count] = name; list = ""; servers = -1; paths = -1
  next
}
servers >= 0 && at <= servers && !item { servers = -1 }
paths >= 0 && at <= paths && !item { paths = -1 }
line ~ /^nameservers:/ { servers = at; next }
line ~ /^routes:/ { paths = at; next }
match(line, /macaddress:[ "']*([0-9a-fA-F][0-9a-fA-F]:)+[0-9a-fA-F][0-9a-fA-F]/) {
  mac[name] = tolower(substr(line, RSTART + RLENGTH - 17, 17))
}
line ~ /^dhcp4:/ && rest(line) ~ /^(true|yes|on)$/ { dhcp[name] = "yes" }
line ~ /^mtu:/ { mtu[name] = rest(line) }
line ~ /^gateway4:/ { gateway[name] = rest(line) }
line ~ /^addresses:/ {
  list = servers >= 0 ? "dns" : "own"
  if (list == "dns") dns[name] = dns[name] " " rest(line); else own[name] = own[name] " " rest(line)
  next
}
paths >= 0 && line ~ /^to:/ { to = rest(line) }
paths >= 0 && line ~ /^via:/ { via = rest(line) }
paths >= 0 && to != "" && via != "" {
  if (to == "default" || to == "0.0.0.0/0") gateway[name] = via; else routes[name] = routes[name] " " to "," via
  to = ""; via = ""
}
item && line !~ /^[a-z0-9-]+: / && list != "" && paths < 0 {
  if (list == "dns") dns[name] = dns[name] " " clean(line); else own[name] = own[name] " " clean(line)
  next
}
!item { list = "" }
END {
  for (i = 1; i <= count; i++) {
    n = order[i]
    print n "|" mac[n] "|" dhcp[n] "|" own[n] "|" gateway[n] "|" mtu[n] "|" dns[n] "|" routes[n]
  }
}
