# What ties the GPT to the engine.
tern_test(gpt_core_test LABELS parity SOURCES gpt_core_test.cpp LIBS tern_gpt_core tern_gpt_tensors tern_checkpoint)
tern_test(nanochat_checkpoint_test LABELS unit SOURCES nanochat_checkpoint_test.cpp
  LIBS tern_nanochat_checkpoint tern_kernel_test_support)
tern_test(nanochat_gqa_test LABELS unit SOURCES nanochat_gqa_test.cpp
  LIBS tern_nanochat_checkpoint tern_kernel_test_support tern_fmt)
tern_test(gpt_options_test LABELS unit SOURCES gpt_options_test.cpp LIBS tern_gpt_options)
tern_test(gpt_task_test LABELS unit SOURCES gpt_task_test.cpp LIBS tern_gpt_task tern_kernel_test_support)
tern_test(nanochat_recipe_test LABELS parity SOURCES nanochat_recipe_test.cpp
  LIBS tern_gpt_train_config tern_gpt_tensors tern_checkpoint)
tern_test(gpt_train_config_test LABELS unit SOURCES gpt_train_config_test.cpp LIBS tern_gpt_train_config)
tern_test(gpt_shadow_test LABELS unit kernels
  SOURCES gpt_shadow_test.cpp ${CMAKE_SOURCE_DIR}/tests/models/gpt/small_gpt.cpp
  LIBS tern_gpt_tensors tern_kernel_test_support)
tern_test(gpt_distributed_test LABELS distributed TIMEOUT 600
  SOURCES gpt_distributed_test.cpp ${CMAKE_SOURCE_DIR}/tests/support/process.cpp
  LIBS tern_text_shards tern_checkpoint tern_fmt DEPENDS gpt_eval gpt_train tern_ckpt tern_launch)

# Whole runs of the programs on a small text.
find_package(GTest REQUIRED)
add_library(gpt_test_support STATIC gpt_run.cpp ${CMAKE_SOURCE_DIR}/tests/support/process.cpp)
target_link_libraries(gpt_test_support PUBLIC tern_compiler tern_text GTest::gtest)
target_compile_definitions(gpt_test_support PRIVATE TERN_BIN="${CMAKE_BINARY_DIR}/bin")
tern_test(gpt_train_test LABELS e2e TIMEOUT 300 SOURCES gpt_train_test.cpp LIBS gpt_test_support tern_checkpoint
  DEPENDS gpt_data gpt_train tern_ckpt)
tern_test(gpt_chat_test LABELS e2e TIMEOUT 300 SOURCES gpt_chat_test.cpp LIBS gpt_test_support tern_gpt_model
  DEPENDS gpt_chat gpt_train tern_ckpt)
tern_test(gpt_eval_test LABELS e2e TIMEOUT 300 SOURCES gpt_eval_test.cpp LIBS gpt_test_support tern_fmt
  DEPENDS gpt_eval gpt_train tern_ckpt)
