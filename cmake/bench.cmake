# Programs of the benches: tests/bench/programs/NAME.c. Built on demand only (target kw_bench), in the
# release build, against libkilowatch: what is measured is what is shipped.
add_custom_target(kw_bench)
file(GLOB KW_BENCH_PROGRAMS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/bench/programs/*.c)
foreach(source ${KW_BENCH_PROGRAMS})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR}/core)
  target_compile_options(bench_${name} PRIVATE -Wno-conversion -Wno-missing-prototypes)
  target_link_libraries(bench_${name} PRIVATE libkilowatch)
  add_dependencies(kw_bench bench_${name})
endforeach()
