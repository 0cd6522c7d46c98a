# Defines tern_arrow: Arrow C++ and Parquet, unpacked from the pyarrow wheel by scripts/get_arrow.sh.
# TERN_ARROW names another folder with include/ and lib/.
set(TERN_ARROW "" CACHE PATH "Arrow folder (with include/ and lib/)")

if(TERN_ARROW)
  set(arrow_root ${TERN_ARROW})
else()
  set(arrow_root ${TERN_DEPS}/arrow-26.0.1)
endif()
foreach(needed include/parquet/arrow/reader.h lib/libparquet.so.2600 lib/libarrow.so.2600)
  if(NOT EXISTS ${arrow_root}/${needed})
    message(FATAL_ERROR "Arrow not found: ${arrow_root}/${needed} is missing. Run scripts/get_arrow.sh, or set TERN_ARROW.")
  endif()
endforeach()

add_library(tern_arrow INTERFACE)
target_include_directories(tern_arrow SYSTEM INTERFACE ${arrow_root}/include)
target_link_libraries(tern_arrow INTERFACE ${arrow_root}/lib/libparquet.so.2600 ${arrow_root}/lib/libarrow.so.2600)
target_link_options(tern_arrow INTERFACE -Wl,-rpath,${arrow_root}/lib)
