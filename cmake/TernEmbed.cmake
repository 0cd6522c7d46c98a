# tern_embed(TARGET FOLDER HEADER FUNCTION) makes a library of every .yaml file below FOLDER, as
# `std::span<const tern::config::EmbeddedFile> FUNCTION()` declared by HEADER. Paths are relative to FOLDER.
# Run as a script (cmake -P) the file writes that library's source.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*.yaml)
  list(SORT files)
  set(entries "")
  foreach(path IN LISTS files)
    file(READ ${FOLDER}/${path} text)
    string(APPEND entries "    {\"${path}\", R\"TERN(${text})TERN\"},\n")
  endforeach()
  file(WRITE ${OUTPUT} "// Made by cmake/TernEmbed.cmake out of the configs folder.
#include \"${HEADER}\"

namespace tern {

std::span<const config::EmbeddedFile> ${FUNCTION}() {
  static constexpr config::EmbeddedFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace tern
")
  return()
endif()

set(TERN_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(tern_embed target folder header function)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.yaml)
  set(output ${CMAKE_BINARY_DIR}/generated/${target}.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -DHEADER=${header} -DFUNCTION=${function}
      -P ${TERN_EMBED_SCRIPT}
    DEPENDS ${files} ${TERN_EMBED_SCRIPT})
  tern_library(${target} SOURCES ${output} LIBS tern_config)
endfunction()
