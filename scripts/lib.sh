# Shared by the scripts beside it; sourced, never run.
# Tools that cargo installs for this project live in a cache of their own, not among the user's.
RUSSET_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/russet"
export PATH="$RUSSET_CACHE/tools/bin:$PATH"

say() { printf '\n== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# The newest installed PostgreSQL server's programs; Debian keeps them off the PATH. Empty where there is none.
postgres_bin() {
    local found
    found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
    if [[ -n $found ]]; then dirname "$found"; elif have initdb && have pg_ctl; then dirname "$(command -v initdb)"; fi
}
