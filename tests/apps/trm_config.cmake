# The TRM front end, by itself and as a program.
add_executable(trm_config_program ${CMAKE_CURRENT_LIST_DIR}/trm_config_program.cpp)
set_target_properties(trm_config_program PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(trm_config_program PRIVATE tern_trm_config tern_program_support)

tern_test(trm_config_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/trm_config_test.cpp ${CMAKE_CURRENT_LIST_DIR}/../support/process.cpp
  LIBS tern_trm_config DEPENDS trm_config_program)
target_compile_definitions(trm_config_test PRIVATE TERN_TEST_FRONT_END="$<TARGET_FILE:trm_config_program>")
