// The TRM front end as a user meets it: a program with arguments, its output, its errors and its exit code.
#include "apps/trm_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/run_names.h"
#include "apps/shipped_configs.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/config/compose.h"
#include "engine/config/interpolate.h"
#include "engine/config/yaml_read.h"
#include "engine/config/yaml_write.h"
#include "engine/train/train_options.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

using config::Node;
using test::ProcessResult;
using Words = std::vector<std::string>;

const std::string kReference = TERN_TEST_REFERENCE "/config/";
const std::string kUpstream = kReference + "upstream";

// The front end in a folder of its own, where no run exists.
class FrontEnd : public testing::Test {
 protected:
  ProcessResult run(const Words& arguments) {
    Words all = {TERN_TEST_FRONT_END};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return test::run_process(all, {folder_.path(), std::nullopt});
  }

  // The configuration of the one job, or a test failure.
  Node job(const Words& arguments) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return config::read_yaml(result.out, "out");
  }

  void expect_error(const Words& arguments, const std::string& message, int exit_code = 2) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "error: " + message + "\n");
  }

  test::TempFolder folder_;
};

std::string text_at(const Node& root, const std::string& key) {
  const Node* node = config::select(root, key);
  return node == nullptr ? "(absent)" : config::inline_text(*node);
}

// Golden files change only together with someone reading the difference. TERN_UPDATE_GOLDEN=1 writes them anew.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = kReference + name;
  if (std::getenv("TERN_UPDATE_GOLDEN") != nullptr) write_file_atomically(path, text);
  EXPECT_EQ(text, read_file(path)) << "if intended: TERN_UPDATE_GOLDEN=1 ctest -R trm_config";
}

TEST_F(FrontEnd, HelpIsGolden) {
  const ProcessResult result = run({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  expect_golden("trm_help.txt", result.out);
}

TEST_F(FrontEnd, KeyListIsGolden) {
  std::string list;
  for (const std::string& key : train_schema().keys()) list += key + "\n";
  for (const std::string& key : trm_schema().keys("arch")) list += key + "\n";
  expect_golden("trm_keys.txt", list);
}

TEST_F(FrontEnd, AttentionBackendIsAKeyOfItsOwn) {
  EXPECT_EQ(text_at(job({"arch=trm", "+run_name=x"}), "attention.backend"), "auto");
  EXPECT_EQ(text_at(job({"arch=trm", "+run_name=x", "attention.backend=cudnn"}), "attention.backend"), "cudnn");
  // Upstream's own configuration file doesn't know the key.
  EXPECT_EQ(text_at(job({"-cd", kUpstream, "-cn", "cfg_pretrain", "+run_name=x", "attention.backend=math"}),
                    "attention.backend"),
            "math");
  const ProcessResult result = run({"arch=trm", "attention.backend=fast"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("attention.backend"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("auto, fused, flash, cudnn, math"), std::string::npos) << result.err;
}

TEST_F(FrontEnd, VersionIsOneLine) {
  const ProcessResult result = run({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "trm_train 0.1.0\n");
}

TEST_F(FrontEnd, UpstreamsRecipesCarryOverWordForWord) {
  const Node arc = job({"arch=trm", "data_paths=[data/arc1concept-aug-1000]", "arch.L_layers=2", "arch.H_cycles=3",
                        "arch.L_cycles=4", "+run_name=pretrain_att_arc1concept_4", "ema=True"});
  EXPECT_EQ(text_at(arc, "arch.L_cycles"), "4");
  EXPECT_EQ(text_at(arc, "ema"), "True");
  EXPECT_EQ(text_at(arc, "data_paths"), "[data/arc1concept-aug-1000]");
  EXPECT_EQ(text_at(arc, "project_name"), "Arc1concept-aug-1000-ACT-torch");
  EXPECT_EQ(text_at(arc, "checkpoint_path"), "runs/Arc1concept-aug-1000-ACT-torch/pretrain_att_arc1concept_4");
  const Node sudoku = job({"arch=trm", "data_paths=[data/sudoku-extreme-1k-aug-1000]", "evaluators=[]", "epochs=50000",
                           "eval_interval=5000", "lr=1e-4", "puzzle_emb_lr=1e-4", "weight_decay=1.0",
                           "puzzle_emb_weight_decay=1.0", "arch.mlp_t=True", "arch.pos_encodings=none",
                           "arch.L_layers=2", "arch.H_cycles=3", "arch.L_cycles=6", "+run_name=x", "ema=True"});
  EXPECT_EQ(text_at(sudoku, "evaluators"), "[]");
  EXPECT_EQ(text_at(sudoku, "lr"), "0.0001");
  EXPECT_EQ(text_at(sudoku, "arch.pos_encodings"), "none");
  EXPECT_EQ(text_at(sudoku, "arch.mlp_t"), "True");
}

TEST_F(FrontEnd, ReadsUpstreamsOwnFolder) {
  const Node ours = job({"+run_name=x"});
  const Node upstream = job({"--config-dir", kUpstream, "--config-name", "cfg_pretrain", "arch=trm", "+run_name=x"});
  EXPECT_TRUE(upstream.same_value(ours)) << config::write_yaml(upstream);
  EXPECT_EQ(text_at(job({"-cd", kUpstream, "-cn", "cfg_pretrain.yaml", "device=cpu", "keep_checkpoints=7"}), "device"),
            "cpu")
      << "Tern's own keys need no + although upstream's file lacks them";
}

TEST_F(FrontEnd, PrintsTheConfigurationAsHydraDoes) {
  const nlohmann::json recorded = nlohmann::json::parse(std::ifstream(kReference + "hydra.json"));
  int compared = 0;
  for (const auto& expected : recorded.at("compose")) {
    if (expected.at("tree") != "upstream" || !expected.contains("yaml")) continue;
    // With Tern's own files behind the folder nothing else may change.
    Words arguments = {"--cfg", "job", "--config-dir", kUpstream};
    for (const std::string text : expected.at("overrides")) arguments.push_back(text);
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.out, expected.at("yaml").get<std::string>()) << expected.at("overrides").dump() << result.err;
    ++compared;
  }
  EXPECT_GT(compared, 60);
}

TEST_F(FrontEnd, PrintsResolvedValuesOnRequest) {
  EXPECT_EQ(text_at(job({"--cfg", "job"}), "arch.puzzle_emb_ndim"), "${.hidden_size}");
  EXPECT_EQ(text_at(job({"--cfg=job", "--resolve", "arch.hidden_size=64"}), "arch.puzzle_emb_ndim"), "64");
  expect_error({"--cfg", "all"}, "--cfg all is unknown, use --cfg job");
}

TEST_F(FrontEnd, OtherArchitecturesAreNotAvailableYet) {
  const std::string available = ", available: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1";
  const std::vector<std::pair<std::string, std::string>> classes = {
      {"hrm", "recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1"},
      {"transformers_baseline", "recursive_reasoning.transformers_baseline@Model_ACTV2"},
      {"trm_hier6", "recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1"},
      {"trm_singlez", "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1"}};
  for (const auto& [option, name] : classes) {
    expect_error({"--config-dir", kUpstream, "arch=" + option}, "architecture '" + name +
                                                                    "' is not available yet, in " + kUpstream +
                                                                    "/arch/" + option + ".yaml:1:7" + available);
  }
  expect_error({"~arch"}, "no architecture is chosen, in the configuration, choose one by arch=trm");
  expect_error({"arch.name=trm@X"}, "unknown architecture 'trm@X', in override #1 (arch.name=trm@X)" + available);
  expect_error(
      {"--config-dir", kUpstream, "arch=nope"},
      "group 'arch' has no option 'nope', in override #1 (arch=nope), available: hrm, transformers_baseline, trm, "
      "trm_hier6, trm_singlez");
}

TEST_F(FrontEnd, MistakesInKeysAndValues) {
  expect_error({"ema=True", "lrr=1"}, "unknown key 'lrr', in override #2 (lrr=1), did you mean 'lr'?");
  expect_error({"+lrr=1"}, "unknown key 'lrr', in override #1 (+lrr=1), did you mean 'lr'?");
  expect_error({"lr=abc"}, "lr needs a number >= 0, not 'abc', in override #1 (lr=abc)");
  expect_error({"lr=1,2"},
               "several values for one key, in override #1 (lr=1,2), write lr=[1,2] for a list, lr=\\'1,2\\' for "
               "text, or add --multirun");
  expect_error({"L_layers=3"}, "unknown key 'L_layers', in override #1 (L_layers=3), did you mean 'arch.L_layers'?");
  expect_error({"arch.causal=False"},
               "unknown key 'arch.causal', in override #1 (arch.causal=False), --help lists all keys");
  expect_error(
      {"arch.loss.name=losses@Other"},
      "arch.loss.name needs losses@ACTLossHead, not 'losses@Other', in override #1 (arch.loss.name=losses@Other)");
  expect_error({"eval_interval=3"},
               "eval_interval=3 does not divide epochs=100000, in override #1 (eval_interval=3) and "
               "built-in cfg_pretrain.yaml:21:9, use eval_interval=2 or 4");
  expect_error(
      {"freeze_weights=True", "arch.puzzle_emb_ndim=0", "arch.puzzle_emb_len=0"},
      "freeze_weights=True leaves nothing to train with arch.puzzle_emb_ndim=0, in override #1 (freeze_weights=True) "
      "and override #2 (arch.puzzle_emb_ndim=0), use freeze_weights=False or a puzzle embedding");
  expect_error({"arch=null"},
               "the option of group 'arch' has to be a name, not null, in override #1 (arch=null), write arch=OPTION");
}

TEST_F(FrontEnd, MistakesInAFileNameItsLine) {
  std::ofstream(folder_ / "mine.yaml") << "defaults:\n  - cfg_pretrain\n  - _self_\n\nlearning_rate: 1\n";
  expect_error({"--config-dir", ".", "--config-name", "mine"},
               "unknown key 'learning_rate', in ./mine.yaml:5:1, --help lists all keys");
  std::ofstream(folder_ / "mine.yaml") << "defaults:\n  - cfg_pretrain\n  - _self_\n\nlr: fast\n";
  expect_error({"--config-dir", ".", "--config-name", "mine"},
               "lr needs a number >= 0, not 'fast', in ./mine.yaml:5:5");
  std::ofstream(folder_ / "mine.yaml") << "defaults:\n  - cfg_pretrain\n  - _self_\n  - arch: [trm\n";
  const ProcessResult result = run({"--config-dir", ".", "--config-name", "mine"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("malformed YAML"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("./mine.yaml:"), std::string::npos) << result.err;
}

TEST_F(FrontEnd, MistakesInFlags) {
  expect_error({"--confg-dir", "x"}, "unknown flag '--confg-dir', on the command line, did you mean '--config-dir'?");
  expect_error({"--lr=3"}, "unknown flag '--lr', on the command line, options are written key=value, see --help");
  expect_error({"--config-dir", "nowhere"},
               "configuration folder nowhere does not exist, give an existing folder to --config-dir");
  expect_error(
      {"--config-name", "cfg"},
      "configuration 'cfg' not found, in built-in files, available: cfg_pretrain, gpt_train, gpt_train_8xh100, "
      "gpt_train_cpu, gpt_train_quickstart, gpt_train_slurm_8xa100");
  const ProcessResult result = run({"--config-name"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("config-name"), std::string::npos);
}

TEST_F(FrontEnd, ArchitectureValuesFitTogether) {
  const std::string heads = "override #1 (arch.num_heads=7)";
  expect_error({"arch.num_heads=7"},
               "arch.hidden_size=512 is not divisible by arch.num_heads=7, in built-in arch/trm.yaml:16:14 "
               "and " +
                   heads + ", use arch.hidden_size=511 or 518");
  expect_error({"arch.num_heads=4", "arch.hidden_size=12"},
               "arch.pos_encodings=rope needs an even head size, not 3 (hidden_size/num_heads), in override #2 "
               "(arch.hidden_size=12) and override #1 (arch.num_heads=4), use arch.hidden_size=16 or "
               "arch.pos_encodings=learned");
  expect_error(
      {"arch.puzzle_emb_ndim=8193"},
      "arch.puzzle_emb_ndim=8193 does not fit arch.puzzle_emb_len=16 positions of arch.hidden_size=512, in override #1 "
      "(arch.puzzle_emb_ndim=8193) and built-in arch/trm.yaml:26:17, use at most arch.puzzle_emb_ndim=8192, or "
      "arch.puzzle_emb_len=0");
  expect_error({"arch.puzzle_emb_ndim=0"},
               "arch.puzzle_emb_len=16 positions without a puzzle embedding (arch.puzzle_emb_ndim=0), in override #1 "
               "(arch.puzzle_emb_ndim=0) and built-in arch/trm.yaml:26:17, add arch.puzzle_emb_len=0");
  (void)job({"arch.mlp_t=True", "arch.num_heads=7"});
  (void)job({"arch.puzzle_emb_ndim=8192"});
  (void)job({"arch.puzzle_emb_ndim=5000", "arch.puzzle_emb_len=0"});
  (void)job({"arch.puzzle_emb_ndim=0", "arch.puzzle_emb_len=0"});
  (void)job({"arch.num_heads=4", "arch.hidden_size=12", "arch.pos_encodings=learned"});
}

TEST_F(FrontEnd, TheDeviceFlagIsTheDeviceKey) {
  EXPECT_EQ(text_at(job({"--device", "cpu"}), "device"), "cpu");
  EXPECT_EQ(text_at(job({"--device=cpu", "device=cuda"}), "device"), "cpu");
  expect_error({"--device", "tpu"},
               "device needs one of auto, cpu, cuda, not 'tpu', in override #1 (device=tpu), did you mean 'cpu'?");
}

TEST_F(FrontEnd, EnvironmentVariablesFillValues) {
  ::setenv("TERN_TEST_SEED", "7", 1);
  EXPECT_EQ(text_at(job({"seed=${oc.env:TERN_TEST_SEED}"}), "seed"), "7");
  EXPECT_EQ(text_at(job({"seed=${oc.env:TERN_TEST_NONE,9}"}), "seed"), "9");
  expect_error(
      {"seed=${oc.env:TERN_TEST_NONE}"},
      "seed: environment variable 'TERN_TEST_NONE' is not set, in override #1 (seed=${oc.env:TERN_TEST_NONE}), set it, "
      "or give a default: ${oc.env:TERN_TEST_NONE,DEFAULT}");
}

TEST_F(FrontEnd, TheEffectiveConfigurationStartsTheSameRunAgain) {
  const ProcessResult first =
      run({"arch.hidden_size=64", "lr=3e-4", "evaluators=[{name: arc@ARC,pass_Ks:[1,2]}]", "on_nan=skip"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const std::string yaml = first.out.substr(first.out.find('\n') + 1);
  std::ofstream(folder_ / "config.yaml") << yaml;
  const ProcessResult second = run({"--config-dir", ".", "--config-name", "config"});
  EXPECT_EQ(second.out, first.out) << second.err;
}

TEST_F(FrontEnd, SweepsBecomeJobsWithFoldersOfTheirOwn) {
  const auto folders = [&](const Words& arguments) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    Words found;
    for (size_t at = result.out.find("\ncheckpoint_path: "); at != std::string::npos;
         at = result.out.find("\ncheckpoint_path: ", at + 1)) {
      found.push_back(result.out.substr(at + 18, result.out.find('\n', at + 1) - at - 18));
    }
    return found;
  };
  const std::string project = "runs/Arc-aug-1000-ACT-torch/";
  EXPECT_EQ(folders({"--multirun", "+run_name=x", "lr=1e-3,1e-4", "seed=range(2)"}),
            (Words{project + "x-0", project + "x-1", project + "x-2", project + "x-3"}));
  EXPECT_EQ(folders({"-m", "run_name=a,b"}), (Words{project + "a", project + "b"})) << "already apart";
  EXPECT_EQ(folders({"-m", "checkpoint_path=out", "lr=1,2"}), (Words{"out/0", "out/1"}));
  EXPECT_EQ(folders({"-m", "+run_name=lr-${lr}", "lr=1,2"}), (Words{project + "lr-1", project + "lr-2"}));
}

TEST_F(FrontEnd, SweepsChangeTheLastKeyFastest) {
  const ProcessResult result = run({"--multirun", "+run_name=n${hydra:job.num}", "lr=1e-3,2", "arch.mlp_t=true,false"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  Words titles;
  for (size_t at = result.out.find("# "); at != std::string::npos; at = result.out.find("\n# ", at + 1)) {
    const size_t start = result.out.find("# ", at) + 2;
    titles.push_back(result.out.substr(start, result.out.find('\n', start) - start));
  }
  EXPECT_EQ(titles, (Words{"lr=0.001,arch.mlp_t=True", "lr=0.001,arch.mlp_t=False", "lr=2,arch.mlp_t=True",
                           "lr=2,arch.mlp_t=False"}));
  EXPECT_NE(result.out.find("\nrun_name: n3\n"), std::string::npos);
  EXPECT_EQ(run({"-m", "--cfg", "job", "lr=1,2"}).out.find("\n---\n") != std::string::npos, true);
  expect_error({"-m", "lr=1,x"}, "lr needs a number >= 0, not 'x', in override #1 (lr=1,x)");
}

TEST_F(FrontEnd, RunsWithoutANameAvoidFoldersThatExist) {
  const std::string first = text_at(job({}), "checkpoint_path");
  EXPECT_TRUE(first.starts_with("'runs/Arc-aug-1000-ACT-torch/TinyRecursiveReasoningModel_ACTV1") ||
              first.starts_with("runs/Arc-aug-1000-ACT-torch/TinyRecursiveReasoningModel_ACTV1 "))
      << first;
  EXPECT_EQ(text_at(job({}), "checkpoint_path"), first) << "the same seed, the same name";
  std::filesystem::create_directories(folder_ / first);
  EXPECT_NE(text_at(job({}), "checkpoint_path"), first);
}

TEST(RunNames, FollowUpstream) {
  EXPECT_EQ(default_project_name("data/arc-aug-1000"), "Arc-aug-1000-ACT-torch");
  EXPECT_EQ(default_project_name("data/ARC-Aug/"), "Arc-aug-ACT-torch");
  EXPECT_EQ(default_project_name("x"), "X-ACT-torch");
  std::set<std::string> names;
  for (uint64_t seed = 0; seed < 100; ++seed) names.insert(two_words(seed));
  EXPECT_GT(names.size(), 90U);
}

// The shipped files say the same as the structs, and composing any of them gives a valid job.
TEST(ShippedConfigs, EveryFileComposesAndIsValid) {
  std::set<std::string> files;
  for (const config::EmbeddedFile& file : shipped_configs()) files.insert(std::string(file.path));
  EXPECT_TRUE(files.contains("cfg_pretrain.yaml") && files.contains("arch/trm.yaml"));
  const ProgramText program{"trm_train", "", ""};
  for (const std::string& file : files) {
    const std::string name = file.substr(0, file.size() - 5);
    if (name.starts_with("gpt")) continue;  // gpt_options_test.cpp
    const std::string argument = name.starts_with("arch/") ? "arch=" + name.substr(5) : "--config-name=" + name;
    const char* argv[] = {"trm_train", argument.c_str()};
    EXPECT_EQ(parse_trm_command_line(2, argv, program).jobs.size(), 1U) << file;
  }
}

TEST(ShippedConfigs, DefaultsOfTheStructsAreThoseOfTheFiles) {
  config::ConfigTree tree;
  tree.add_embedded(shipped_configs());
  const Node composed = config::compose(tree, {"cfg_pretrain", {}, {}}).config;
  const auto compare = [&](const std::vector<config::OptionInfo>& options, const std::string& prefix,
                           const Words& only_in_struct) {
    for (const config::OptionInfo& option : options) {
      const std::string key = config::join_key(prefix, option.key);
      const Node* written = config::select(composed, key);
      if (std::ranges::find(only_in_struct, key) != only_in_struct.end()) continue;
      ASSERT_NE(written, nullptr) << key << " is not in the shipped files";
      EXPECT_TRUE(written->same_value(option.default_value)) << key << ": " << config::inline_text(*written);
    }
  };
  compare(train_schema().options(), "", {});
  compare(trm_schema().options(), "arch", {"arch.rms_norm_eps", "arch.rope_theta"});
  config::refuse_unknown_keys(composed, [&] {
    Words keys = train_schema().keys();
    const Words arch = trm_schema().keys("arch");
    keys.insert(keys.end(), arch.begin(), arch.end());
    keys.insert(keys.end(), {"arch.name", "arch.loss.name"});
    return keys;
  }());
}

TEST(ShippedConfigs, UpstreamsKeysHaveUpstreamsValues) {
  config::ConfigTree ours;
  ours.add_embedded(shipped_configs());
  config::ConfigTree upstream;
  upstream.add_folder(kUpstream);
  const Node composed = config::compose(ours, {"cfg_pretrain", {}, {}}).config;
  const Node expected = config::compose(upstream, {"cfg_pretrain", {}, {}}).config;
  EXPECT_TRUE(composed.find("arch")->same_value(*expected.find("arch")));
  EXPECT_EQ(config::write_yaml(*composed.find("arch")), config::write_yaml(*expected.find("arch")));
  for (const config::Entry& entry : expected.map()) {
    ASSERT_NE(composed.find(entry.key), nullptr) << entry.key;
    EXPECT_EQ(config::write_yaml(*composed.find(entry.key)), config::write_yaml(entry.value)) << entry.key;
  }
}

TEST(TrmOptions, EveryBoundAndChoiceIsEnforced) {
  const ProgramText program{"trm_train", "", ""};
  const auto refused = [&](const std::string& argument) {
    const char* argv[] = {"trm_train", argument.c_str()};
    try {
      (void)parse_trm_command_line(2, argv, program);
    } catch (const Error& e) {
      return e.kind() == ErrorKind::usage && std::string(e.what()).find(" needs ") != std::string::npos;
    }
    return false;
  };
  for (const config::OptionInfo& option : trm_schema().options()) {
    const std::string key = "arch." + option.key + "=";
    const auto number = [](double value) { return std::to_string(static_cast<int64_t>(value)); };
    Words wrong;
    if (option.minimum) wrong.push_back(number(*option.minimum - 1));
    if (option.minimum_excluded) wrong.push_back(number(*option.minimum));
    if (option.maximum) wrong.push_back(number(*option.maximum + 1));
    if (!option.choices.empty() || option.kind != config::ValueKind::text) wrong.emplace_back("xyzzy");
    EXPECT_FALSE(wrong.empty()) << key;
    for (const std::string& value : wrong) EXPECT_TRUE(refused(key + value)) << key << value;
  }
}

}  // namespace
}  // namespace tern
