# shellcheck shell=bash
# Sourced by bootstrap.sh. install_packages NAME... installs those Debian packages that are missing, and says which;
# apt isn't called if none is.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: make sure that the equivalents of these Debian packages are installed: $*"
    return
  fi
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all there"
    return
  fi
  say "Debian packages to install: ${missing[*]}"
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo. As root: apt-get install ${missing[*]}"
    as_root=(sudo "${as_root[@]}")
  fi
  # An interrupted installation leaves packages unpacked but not configured; apt refuses to go on from there.
  if [ -n "$(dpkg --audit)" ]; then "${as_root[@]}" dpkg --configure -a; fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
