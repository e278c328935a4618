# libkilowatch.a: the objects of every layer in one archive, which a program embeds through
# core/include/kilowatch.h, and what `cmake --install` puts where.
#
# The layers stay separate libraries for the tests; this archive repeats none of their sources,
# it only gathers their objects. The `kilowatch` program is its first user.
file(WRITE ${CMAKE_BINARY_DIR}/kilowatch_version.c
     "/* Generated: an archive that names its own version (strings libkilowatch.a). */\n"
     "extern const char kw_library_version[];\n"
     "const char kw_library_version[] = \"libkilowatch ${PROJECT_VERSION}\";\n")
add_library(libkilowatch STATIC ${CMAKE_BINARY_DIR}/kilowatch_version.c)
set_target_properties(libkilowatch PROPERTIES OUTPUT_NAME kilowatch)
foreach(folder ${KW_LAYERS})
  get_target_property(type kw_${folder} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    target_sources(libkilowatch PRIVATE $<TARGET_OBJECTS:kw_${folder}>)
  endif()
endforeach()
if(TARGET kw_llhttp AND NOT LLHTTP_FOUND)
  target_sources(libkilowatch PRIVATE $<TARGET_OBJECTS:kw_llhttp>)
  set(KW_PC_LLHTTP "")
else()
  target_link_libraries(libkilowatch PUBLIC kw_llhttp)
  set(KW_PC_LLHTTP ", libllhttp")
endif()
target_include_directories(libkilowatch PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/core/include>)
target_link_libraries(libkilowatch PUBLIC
  PkgConfig::UV OpenSSL::SSL OpenSSL::Crypto CURL::libcurl PkgConfig::HIREDIS PkgConfig::LUA
  SQLite::SQLite3 PkgConfig::SODIUM Threads::Threads m ${CMAKE_DL_LIBS})

include(GNUInstallDirs)
# Relative, so that `cmake --install --prefix` may choose another place than the build knew.
file(RELATIVE_PATH KW_PC_PREFIX /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(${CMAKE_SOURCE_DIR}/cmake/kilowatch.pc.in ${CMAKE_BINARY_DIR}/kilowatch.pc @ONLY)
install(TARGETS libkilowatch ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/kilowatch.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY core/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS kilowatch_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY lua/ DESTINATION ${CMAKE_INSTALL_DATADIR}/kilowatch/lua)
install(DIRECTORY web/dist/ DESTINATION ${CMAKE_INSTALL_DATADIR}/kilowatch/web OPTIONAL)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
