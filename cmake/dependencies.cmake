# Third-party libraries, found once. Each has one home folder in core/ (see core/layers.txt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CURL REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

# llhttp: a package on Debian 13, sources inside node-llhttp on Debian 12. Strict mode must be
# set for the parser and for everybody who includes its header: the loose parser accepts
# "Ho st: a" and bytes over 0x7f in a URL.
pkg_check_modules(LLHTTP IMPORTED_TARGET libllhttp)
if(LLHTTP_FOUND)
  add_library(kw_llhttp ALIAS PkgConfig::LLHTTP)
else()
  find_path(LLHTTP_INCLUDE llhttp/llhttp.h PATHS /usr/share/include /usr/include)
  find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp /usr/share/nodejs/llhttp/build/c)
  if(NOT LLHTTP_INCLUDE OR NOT LLHTTP_SOURCE)
    message(FATAL_ERROR "llhttp not found: apt install node-llhttp (Debian 12) or libllhttp-dev")
  endif()
  file(GLOB KW_LLHTTP_SOURCES ${LLHTTP_SOURCE}/*.c)
  add_library(kw_llhttp STATIC ${KW_LLHTTP_SOURCES})
  target_include_directories(kw_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE} ${LLHTTP_INCLUDE}/llhttp)
  target_compile_definitions(kw_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
  target_compile_options(kw_llhttp PRIVATE -w)
endif()
