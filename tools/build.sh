# build.sh - Turn the tree into programs: build/PRESET by CMake, web/dist by Vite.
#
# Ninja knows by itself what is stale in C; for the page a checksum of its inputs decides.
# shellcheck shell=sh

# build_preset NAME: configure once, then let ninja do what is stale.
build_preset() {
    [ -f "build/$1/build.ninja" ] ||
        step "configure-$1" "configuring build/$1" cmake --preset "$1"
    step "build-$1" "building build/$1" cmake --build "build/$1"
}

# build_web: web/dist, when the page exists and something that it is made of has changed.
build_web() {
    [ -f web/package.json ] || return 0
    npm_packages web
    inputs=$(fingerprint web)
    if [ -f web/dist/index.html ] && [ "$(cat build/web.inputs 2>/dev/null)" = "$inputs" ]; then
        return 0
    fi
    step build-web "building the page" npm run --prefix web build
    printf '%s\n' "$inputs" >build/web.inputs
}
