#!/bin/sh
# Installs a release of Watchpost: the archive of this machine, checked against its SHA-256.
#
#   sh install.sh https://example.org/watchpost/0.1.0      from where an archive and SHA256SUMS lie, or a folder
#
# PREFIX=/usr/local        it goes to $PREFIX/bin/watchpost
# WATCHPOST_SHA256=...     what the archive must have, got over another way than the archive
set -eu

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

platform() {
  system=$(uname -s) machine=$(uname -m) libc=
  case $system in
  Linux) system=linux ;;
  Darwin) system=macos ;;
  *) fail "there is no release for $system; wanted Linux or macOS" ;;
  esac
  case $machine in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no release for $machine; wanted x86_64 or aarch64" ;;
  esac
  if [ "$system" = linux ] && [ -z "$(find /lib /lib64 /usr/lib /usr/lib64 -maxdepth 2 -name 'ld-linux-*' 2>/dev/null | head -n 1)" ] &&
    [ -n "$(find /lib -maxdepth 1 -name 'ld-musl-*' 2>/dev/null | head -n 1)" ]; then
    libc=-musl
  fi
  say "$system-$machine$libc"
}

# Without protection on its way an archive could come with checksums to match.
checked_source() {
  case $1 in
  https://* | http://127.0.0.1:* | http://localhost:*) ;;
  http://*) [ -n "${WATCHPOST_SHA256:-}" ] || fail "$1 is not protected on its way; wanted https, or WATCHPOST_SHA256" ;;
  *) [ -d "$1" ] || fail "$1 is no URL and no folder" ;;
  esac
}

# From the source to a file.
get() {
  case $source in
  http*)
    if has curl; then curl -fsSL --retry 3 -o "$2" "$source/$1"
    elif has wget; then wget -q -O "$2" "$source/$1"
    else fail "wanted curl or wget, and neither is here"
    fi || fail "$source/$1 cannot be had"
    ;;
  *) cp "$source/$1" "$2" || fail "$source/$1 cannot be had" ;;
  esac
}

sha256_of() {
  if has sha256sum; then sha256sum "$1"
  elif has shasum; then shasum -a 256 "$1"
  else openssl dgst -sha256 -r "$1"
  fi | cut -d ' ' -f 1
}

# All in a function: of a script that was cut off on its way nothing runs.
main() {
  [ $# = 1 ] || fail "wanted one argument: the URL or folder where the archive and SHA256SUMS lie"
  has sha256sum || has shasum || has openssl || fail "wanted sha256sum, shasum or openssl, and none is here"
  source=${1%/}
  checked_source "$source"
  prefix=${PREFIX:-/usr/local}
  archive=watchpost-$(platform).tar.gz
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' INT TERM HUP

  say "getting $source/$archive"
  get "$archive" "$work/$archive"
  wanted=${WATCHPOST_SHA256:-}
  if [ -z "$wanted" ]; then
    get SHA256SUMS "$work/SHA256SUMS"
    wanted=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
    [ -n "$wanted" ] || fail "SHA256SUMS has no line for $archive"
  fi
  found=$(sha256_of "$work/$archive")
  [ "$found" = "$wanted" ] || fail "$archive has SHA-256 $found, wanted $wanted: nothing was installed"
  say "its SHA-256 is right: $found"

  tar -xzf "$work/$archive" -C "$work" watchpost/watchpost || fail "$archive has no watchpost/watchpost"
  if ! version=$("$work/watchpost/watchpost" --version 2>&1); then
    fail "it does not run here: $version (on musl it wants libstdc++: apk add libstdc++); nothing was installed"
  fi

  mkdir -p "$prefix/bin" 2>/dev/null || fail "$prefix/bin cannot be made; run this as root, or set PREFIX=\$HOME/.local"
  # Under another name first: a server that runs keeps its file, and nobody meets half of one.
  new=$prefix/bin/.watchpost.new.$$
  cp "$work/watchpost/watchpost" "$new" 2>/dev/null || fail "$prefix/bin cannot be written; run this as root, or set PREFIX=\$HOME/.local"
  trap 'rm -rf "$work" "$new"' EXIT
  chmod 755 "$new"
  mv "$new" "$prefix/bin/watchpost"
  say "installed $version as $prefix/bin/watchpost"
  case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) say "$prefix/bin is not in PATH" ;;
  esac
  say "next: watchpost demo; watchpost serve; or as a service: sudo $prefix/bin/watchpost service install"
}

main "$@"
