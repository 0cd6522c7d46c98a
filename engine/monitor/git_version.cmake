# Run at build time: writes the header with the commit the sources are at, touching it only when that changes.
#   cmake -DSOURCE_DIR=... -DOUTPUT=... -P git_version.cmake
set(commit "")
find_program(GIT_PROGRAM git)
if(GIT_PROGRAM AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(
    COMMAND ${GIT_PROGRAM} --no-optional-locks describe --always --dirty --abbrev=10
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(content "#pragma once\n\n// Empty where the sources aren't a git clone.\n#define TERN_GIT_VERSION \"${commit}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL content)
  file(WRITE ${OUTPUT} "${content}")
endif()
