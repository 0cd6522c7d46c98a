# Fails if what PROGRAM --help prints is not GOLDEN, a file: a change of what users see is a diff that someone reads.
execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --help ended with ${status}")
endif()
file(READ ${GOLDEN} golden)
if(NOT printed STREQUAL golden)
  message(FATAL_ERROR "--help changed; if that is meant: ${PROGRAM} --help > ${GOLDEN}\n${printed}")
endif()
