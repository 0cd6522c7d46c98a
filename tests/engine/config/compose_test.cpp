#include "engine/config/compose.h"

#include <gtest/gtest.h>

#include "engine/config/interpolate.h"
#include "tests/engine/config/canonical.h"
#include "tests/engine/config/expect_error.h"

namespace tern::config {
namespace {

using tern::test::usage_error;

constexpr EmbeddedFile kFiles[] = {
    {"cfg.yaml", "defaults:\n  - arch: trm\n  - _self_\nhydra: {output_subdir: null}\nlr: 1.0e-4\ndata_paths: [a]\n"},
    {"arch/trm.yaml", "hidden_size: 512\nL_layers: 2\n"},
    {"arch/wide.yaml", "hidden_size: 2048\n"},
};

Node compose_built_in(const std::vector<std::string>& overrides, std::vector<std::string> known_keys = {}) {
  ConfigTree tree;
  tree.add_embedded(kFiles);
  ComposeRequest request{"cfg", {}, std::move(known_keys)};
  for (const std::string& text : overrides)
    request.overrides.push_back(parse_override(text, static_cast<int>(request.overrides.size()) + 1));
  return compose(tree, request).config;
}

std::string error_of(const std::vector<std::string>& overrides) {
  return usage_error([&] { (void)compose_built_in(overrides); });
}

TEST(Compose, TheHydraNodeAndItsOverridesHaveNoEffect) {
  const Node config = compose_built_in({"hydra.run.dir=/x", "hydra/launcher=slurm", "hydra.verbose=true"});
  EXPECT_EQ(config.find("hydra"), nullptr);
  EXPECT_TRUE(config.same_value(compose_built_in({})));
}

TEST(Compose, ErrorsNameTheKeyTheOverrideAndTheNearestKey) {
  EXPECT_EQ(error_of({"lr=1", "arch.L_layer=3"}),
            "unknown key 'arch.L_layer', in override #2 (arch.L_layer=3), did you mean 'arch.L_layers'?");
  EXPECT_EQ(error_of({"hidden_size=3"}),
            "unknown key 'hidden_size', in override #1 (hidden_size=3), did you mean 'arch.hidden_size'?");
  EXPECT_EQ(error_of({"arch={hiden_size:3}"}),
            "unknown key 'arch.hiden_size', in override #1 (arch={hiden_size:3}), did you mean 'arch.hidden_size'?");
  EXPECT_EQ(error_of({"xyzzy=3"}), "unknown key 'xyzzy', in override #1 (xyzzy=3), --help lists all keys");
  EXPECT_EQ(error_of({"arch=wid"}),
            "group 'arch' has no option 'wid', in override #1 (arch=wid), available: trm, wide");
  EXPECT_EQ(error_of({"+lr=2"}), "'lr' exists already, in override #1 (+lr=2), write lr=2 or ++lr=2");
  EXPECT_EQ(error_of({"~lrr"}), "nothing to remove 'lrr', in override #1 (~lrr), did you mean 'lr'?");
  EXPECT_EQ(error_of({"~lr=2"}),
            "'lr' is 0.0001, not 2, in override #1 (~lr=2), to remove it whatever it is write ~lr");
  EXPECT_EQ(error_of({"data_paths.3=x"}), "the list has no item 3, in override #1 (data_paths.3=x), it has 1");
  EXPECT_EQ(error_of({"data_paths={a:1}"}),
            "a mapping cannot be merged into a list, in override #1 (data_paths={a:1}), the list is in built-in "
            "cfg.yaml:6:13");
  EXPECT_EQ(error_of({"++arch=trm"}),
            "++ cannot choose an option of a group, in override #1 (++arch=trm), write arch=OPTION or +arch=OPTION");
  EXPECT_EQ(error_of({"~arch=[]"}),
            "the option of group 'arch' has to be a name, not list, in override #1 (~arch=[]), write "
            "arch=OPTION");
  EXPECT_EQ(error_of({"arch@other=trm"}),
            "no defaults list mentions 'arch@other', in override #1 (arch@other=trm), did you mean arch?");
}

TEST(Compose, AProgramsOwnKeysNeedNoPlus) {
  const Node config = compose_built_in({"device=cpu", "arch.extra.deep=1"}, {"device", "arch.extra.deep"});
  EXPECT_EQ(test::canonical(*config.find("device")), "\"cpu\"");
  EXPECT_EQ(test::canonical(*select(config, "arch.extra")), "{\"deep\":i:1}");
}

TEST(Compose, AFolderComesBeforeTheBuiltInFiles) {
  ConfigTree tree;
  tree.add_folder(TERN_TEST_REFERENCE "/config/upstream");
  tree.add_embedded(kFiles);
  const Node upstream = compose(tree, {"cfg_pretrain", {parse_override("arch=hrm", 1)}, {}}).config;
  EXPECT_EQ(select(upstream, "arch.H_layers")->origin.source, TERN_TEST_REFERENCE "/config/upstream/arch/hrm.yaml");
  const Node built_in = compose(tree, {"cfg", {parse_override("arch=wide", 1)}, {}}).config;
  EXPECT_EQ(select(built_in, "arch.hidden_size")->origin.source, "built-in arch/wide.yaml");
}

TEST(Compose, SearchPathAddsFolders) {
  const std::string folder = TERN_TEST_REFERENCE "/config/groups";
  const Node config = compose_built_in({"hydra.searchpath=['file://" + folder + "']", "+db=mysql"});
  EXPECT_EQ(test::canonical(*select(config, "db.driver")), "\"mysql\"");
  EXPECT_EQ(
      error_of({"hydra.searchpath=x"}),
      "hydra.searchpath is no list of folders, in override #1 (hydra.searchpath=x), write hydra.searchpath=[FOLDER]");
}

TEST(Compose, MissingFilesAndFoldersSayWhatThereIs) {
  EXPECT_EQ(usage_error([] { ConfigTree().add_folder("/nowhere/at/all"); }),
            "configuration folder /nowhere/at/all does not exist, give an existing folder to --config-dir");
  ConfigTree tree;
  tree.add_embedded(kFiles);
  EXPECT_EQ(usage_error([&] {
              (void)compose(tree, {"cgf", {}, {}});
            }),
            "configuration 'cgf' not found, in built-in files, available: cfg");
}

TEST(Compose, DefaultsListErrorsNameFileAndLine) {
  ConfigTree tree;
  tree.add_folder(TERN_TEST_REFERENCE "/config/groups");
  const std::string folder = TERN_TEST_REFERENCE "/config/groups/";
  const auto error = [&](const std::string& name) { return usage_error([&] { (void)compose(tree, {name, {}, {}}); }); };
  EXPECT_EQ(error("missing_choice"), "nothing is chosen for 'db', in " + folder +
                                         "missing_choice.yaml:2:5, add db=OPTION, one of: mysql, postgres");
  EXPECT_EQ(error("bad_order"), "an override stands before 'server', in " + folder +
                                    "bad_order.yaml:4:5, move overrides to the end of the defaults list");
  EXPECT_EQ(error("loop"), "configuration 'loop' includes itself, in " + folder + "loop.yaml:2:5");
  EXPECT_EQ(error("twice"), "two options are chosen for 'db', in " + folder +
                                "twice.yaml:2:5, to replace the first write 'override db: mysql'");
}

TEST(Interpolate, ErrorsNameKeyAndPlace) {
  const auto error = [](const std::string& value) {
    const Node config = compose_built_in({"lr='" + value + "'"});
    return usage_error([&] { (void)resolve(config); });
  };
  EXPECT_EQ(error("${arch.hiden_size}"),
            "lr: no key 'arch.hiden_size' for the interpolation, in override #1 "
            "(lr='${arch.hiden_size}'), did you mean 'arch.hidden_size'?");
  EXPECT_EQ(error("${lr}"), "lr: the interpolation refers to itself: lr -> lr, in override #1 (lr='${lr}')");
  EXPECT_EQ(
      error("${oc.env:TERN_TEST_UNSET}"),
      "lr: environment variable 'TERN_TEST_UNSET' is not set, in override #1 (lr='${oc.env:TERN_TEST_UNSET}'), set "
      "it, or give a default: ${oc.env:TERN_TEST_UNSET,DEFAULT}");
  EXPECT_TRUE(error("${a").starts_with("lr: malformed interpolation: '}' is missing at character 4 in '${a'"));
  EXPECT_TRUE(error("${nope:1}").starts_with("lr: no resolver 'nope' with 1 arguments"));
  EXPECT_TRUE(error("${hydra:job.nope}").starts_with("lr: no value for ${hydra:job.nope}"));
}

TEST(Interpolate, TimeAndHydraValues) {
  ResolveContext context;
  context.hydra = {{"job.num", "3"}, {"runtime.choices.arch", "trm"}};
  context.now = 86400 * 365;
  const Node config = resolve(
      compose_built_in({"+a='${now:%Y}'", "+b='n${hydra:job.num}'", "+c='${hydra:runtime.choices.arch}'"}), context);
  EXPECT_EQ(test::canonical(*config.find("a")), "\"1971\"");
  EXPECT_EQ(test::canonical(*config.find("b")), "\"n3\"");
  EXPECT_EQ(test::canonical(*config.find("c")), "\"trm\"");
}

TEST(Interpolate, MultiplyingReferencesAreRefused) {
  std::vector<std::string> overrides = {"+a0=xxxxxxxxxx"};
  for (int i = 1; i < 30; ++i) {
    const std::string last = "${a" + std::to_string(i - 1) + "}";
    overrides.push_back("+a" + std::to_string(i) + "='" + last + last + "'");
  }
  const Node config = compose_built_in(overrides);
  const std::string error = usage_error([&] { (void)resolve(config); });
  EXPECT_NE(error.find("without end"), std::string::npos) << error;
}

}  // namespace
}  // namespace tern::config
