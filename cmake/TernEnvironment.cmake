# Takes Torch_DIR and CMAKE_PREFIX_PATH from the environment too, as find_package would and scripts/bootstrap.sh does. A
# prefix may be PyTorch's own share/cmake, two levels below the folder with lib/ and include/.
if(NOT Torch_DIR AND DEFINED ENV{Torch_DIR})
  set(Torch_DIR $ENV{Torch_DIR})
endif()
cmake_path(CONVERT "$ENV{CMAKE_PREFIX_PATH}" TO_CMAKE_PATH_LIST tern_prefixes)
foreach(prefix IN LISTS CMAKE_PREFIX_PATH tern_prefixes)
  list(APPEND CMAKE_PREFIX_PATH ${prefix} ${prefix}/../..)
endforeach()
