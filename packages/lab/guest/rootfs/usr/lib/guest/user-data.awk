# The part of cloud-config that this guest understands, out of block-style YAML, into files for the script `seed`:
# hostname, users, keys, passwords (user:password), script (from runcmd), files/N.{path,content,mode,owner,base64,append}.

function clean(text) {
  gsub(/^[ \t]+|[ \t\r]+$/, "", text)
  if (text ~ /^".*"$/) {
    text = substr(text, 2, length(text) - 2)
    gsub(/\\"/, "\"", text); gsub(/\\n/, "\n", text); gsub(/\\t/, "\t", text); gsub(/\\\\/, "\\", text)
  } else if (text ~ /^'.*'$/) {
    text = substr(text, 2, length(text) - 2)
    gsub(/''/, "'", text)
  } else sub(/[ \t]+#.*$/, "", text)
  return text
}
function quoted(word) { gsub(/'/, "'\\''", word); return "'" word "'" }
function after_colon(text) { sub(/^[^:]*:[ \t]*/, "", text); return clean(text) }

# `[sh, -c, "a, b"]` as shell words
function flow_words(text,   out, word, mark, i, c) {
  sub(/^[ \t]*\[/, "", text); sub(/\][ \t\r]*$/, "", text)
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (mark == "" && (c == "\"" || c == "'") && word ~ /^[ \t]*$/) mark = c
    else if (c == mark && mark != "") mark = " "
    if (c == "," && (mark == "" || mark == " ")) { out = out " " quoted(clean(word)); word = ""; mark = "" }
    else word = word c
  }
  if (word !~ /^[ \t]*$/) out = out " " quoted(clean(word))
  return out
}
function end_words() { if (words != "") print words > "script"; words = "" }
function key_line(text) {
  if (match(text, /(ssh-(ed25519|rsa|dss)|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9@.-]+) AAAA[^"']*/))
    print substr(text, RSTART, RLENGTH) > "keys"
}
function entry(text, what) {
  # the value of `what:` inside a flow mapping such as {name: root, password: x}
  if (!match(text, what ":[ \t]*[^,}]*")) return ""
  text = substr(text, RSTART, RLENGTH)
  return after_colon(text)
}
function secret(user, password) { if (user != "" && password != "") print user ":" password > "passwords" }
function begin_block(target, style, at) { sink = target; folded = style ~ /^>/; block = at; base = -1; text = "" }
function end_block() {
  if (sink == "script") print text > "script"
  if (sink == "content") printf "%s", text > ("files/" file ".content")
  if (sink == "list") print text > "passwords"
  sink = ""
}
function field(name, raw, at) {
  if (name == "path") print clean(raw) > ("files/" file ".path")
  if (name == "permissions") print clean(raw) > ("files/" file ".mode")
  if (name == "owner") print clean(raw) > ("files/" file ".owner")
  if (name == "append" && clean(raw) == "true") printf "" > ("files/" file ".append")
  if (name == "encoding" && clean(raw) ~ /^(b64|base64)$/) printf "" > ("files/" file ".base64")
  if (name == "content") {
    if (raw ~ /^[ \t]*[|>]/) begin_block("content", clean(raw), at)
    else printf "%s", clean(raw) > ("files/" file ".content")
  }
}
BEGIN {
  system("mkdir -p files")
  printf "" >> "keys"; printf "" > "passwords"
}
NR == 1 && /^#!/ { whole = 1 }
whole { print > "script"; next }
{
  match($0, /^ */); at = RLENGTH
  if (sink != "") {
    if ($0 ~ /^[ \t\r]*$/) { if (base >= 0) text = text "\n"; next }
    if (at > block) {
      if (base < 0) base = at
      text = text substr($0, base + 1) (folded ? " " : "\n")
      next
    }
    end_block()
  }
}
/^[ \t]*(#|$)/ { next }
at == 0 && !/^-/ {
  end_words()
  top = $0; sub(/:.*/, "", top)
  rest = $0; sub(/^[^:]*:/, "", rest)
  if (top == "hostname" || (top == "fqdn" && !named)) { named = 1; print clean(rest) > "hostname"; close("hostname") }
  if (top == "password") secret("root", clean(rest))
  if (top == "ssh_authorized_keys") { count = split(rest, items, ","); for (i = 1; i <= count; i++) key_line(items[i]) }
  next
}
top == "ssh_authorized_keys" { key_line($0) }
top == "users" {
  key_line($0)
  line = $0; sub(/^[ \t]*(- )?[ \t]*/, "", line)
  if (line ~ /^\{/) { user = entry(line, "name"); if (user != "") print user > "users"; secret(user, entry(line, "plain_text_passwd")) }
  if (line ~ /^name:/) { user = after_colon(line); print user > "users" }
  if (line ~ /^(plain_text_passwd|passwd|hashed_passwd):/) secret(user, after_colon(line))
}
top == "chpasswd" {
  line = $0; sub(/^[ \t]*(- )?[ \t]*/, "", line)
  if (line ~ /^list:[ \t]*[|>]/) begin_block("list", after_colon(line), at)
  else if (line ~ /^\{/) secret(entry(line, "name"), entry(line, "password"))
  else if (line ~ /^name:/) user = after_colon(line)
  else if (line ~ /^password:/) secret(user, after_colon(line))
  else if (line ~ /^[A-Za-z_][^: ]*:[^ ]/) { split(line, pair, ":"); secret(pair[1], clean(substr(line, length(pair[1]) + 2))) }
}
top == "runcmd" {
  line = $0; sub(/^[ \t]*- ?/, "", line)
  if (words != "" && at >= inner && $0 ~ /^ *- /) { words = words " " quoted(clean(line)); next }
  end_words()
  if (line ~ /^- /) { inner = at + 1; sub(/^- /, "", line); words = quoted(clean(line)) }
  else if (line ~ /^\[/) print flow_words(line) > "script"
  else if (line ~ /^[|>][-+]?[ \t\r]*$/) begin_block("script", clean(line), at)
  else print clean(line) > "script"
}
top == "write_files" {
  line = $0
  if (line ~ /^[ \t]*- /) { file++; at = at + 2 }
  sub(/^[ \t]*(- )?[ \t]*/, "", line)
  name = line; sub(/:.*/, "", name)
  raw = line; sub(/^[^:]*:/, "", raw)
  field(name, raw, at)
}
END { if (sink != "") end_block(); end_words() }
