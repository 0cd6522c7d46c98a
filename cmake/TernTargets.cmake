# The three kinds of target of this project.
#
#   tern_library(NAME SOURCES a.cpp b.cpp LIBS other_target)
#   tern_program(NAME LIBS ...)                 one file apps/NAME.cpp unless SOURCES is given; lands in bin/
#   tern_test(NAME LABELS unit SOURCES x_test.cpp LIBS ...)   GoogleTest binary, one ctest entry per TEST
find_package(Threads REQUIRED)

# Everything that a person starts: `cmake --build build/cuda --target tern_programs`.
add_custom_target(tern_programs)

function(tern_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC tern_compiler ${ARG_LIBS} Threads::Threads)
endfunction()

function(tern_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES ${name}.cpp)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tern_compiler ${ARG_LIBS} Threads::Threads)
  add_dependencies(tern_programs ${name})
endfunction()

# Sets out to whether target links tern_torch, however far down.
function(tern_links_torch target out)
  set(${out} FALSE PARENT_SCOPE)
  if(NOT TARGET ${target})
    return()
  endif()
  foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
    get_target_property(libraries ${target} ${property})
    foreach(library IN LISTS libraries)
      set(links FALSE)
      if(library STREQUAL tern_torch)
        set(links TRUE)
      elseif(NOT library STREQUAL target)
        tern_links_torch("${library}" links)
      endif()
      if(links)
        set(${out} TRUE PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

# Builds every unit test that does without LibTorch, label plain: few minutes of compiling, so the sanitizers' builds run
# them.
add_custom_target(plain_tests)
# And those of what runs in several threads, label threads, for ThreadSanitizer.
add_custom_target(threaded_tests)

# Tests run in the source tree's tests/reference through TERN_TEST_REFERENCE and find the programs through TERN_BIN.
function(tern_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES;LIBS;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE tern_compiler ${ARG_LIBS} GTest::gtest GTest::gtest_main Threads::Threads)
  target_compile_definitions(${name} PRIVATE
    TERN_TEST_REFERENCE="${CMAKE_SOURCE_DIR}/tests/reference"
    TERN_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    TERN_BIN="${CMAKE_BINARY_DIR}/bin")
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  tern_links_torch(${name} links_torch)
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(threaded_tests ${name})
  endif()
  if("unit" IN_LIST ARG_LABELS AND NOT links_torch)
    list(APPEND ARG_LABELS plain)
    add_dependencies(plain_tests ${name})
  endif()
  # A list doesn't get through gtest_discover_tests; ctest -L is a regular expression, so "unit.plain" is found as either.
  list(JOIN ARG_LABELS . labels)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
