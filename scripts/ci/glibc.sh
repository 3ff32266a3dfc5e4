#!/usr/bin/env bash
# glibc.sh FILE...: fails if a binary needs more than glibc 2.28, the oldest that Node 20 supports,
# or a shared C++ library, whose version the user's system may not have.
set -euo pipefail
most=2.28
status=0

# says FILE MESSAGE
says() {
  echo "$1: $2"
  status=1
}

for file in "$@"; do
  # Every version that the dynamic loader checks, such as GLIBC_2.14 or CXXABI_1.3.
  versions=$(readelf -WV "$file" | awk '/^Version/ { needs = /^Version needs/ } needs' | sed -nE 's/.* Name: ([^ ]+).*/\1/p' | sort -uV)
  if ! grep -q '^GLIBC_' <<<"$versions"; then
    says "$file" 'it needs no glibc; is it linked statically, or for another C library?'
    continue
  fi
  newest=0
  for version in $versions; do
    number=${version#GLIBC_}
    symbols=$(readelf -W --dyn-syms "$file" | awk -v version="@$version" '{ at = index($8, version) } at && substr($8, at) == version { print substr($8, 1, at - 1) }' | sort -u | head -n 8 | xargs)
    case $version in
      GLIBC_[0-9]*)
        newest=$number
        if [ "$(printf '%s\n' "$number" "$most" | sort -V | tail -n 1)" != "$most" ]; then says "$file" "it needs $version, for $symbols"; fi
        ;;
      GCC_*) ;; # libgcc_s, which every glibc system has
      *) says "$file" "it needs $version, for $symbols" ;;
    esac
  done
  for library in $(readelf -Wd "$file" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p'); do
    case $library in
      libc++* | libstdc++*) says "$file" "it needs $library" ;;
    esac
  done
  echo "$file: the newest glibc symbol has version $newest"
done
exit $status
