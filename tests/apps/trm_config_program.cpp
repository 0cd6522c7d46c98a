// A program that is nothing but the TRM front end: prints what it answers, or every job it describes.
#include <cstdio>

#include "apps/program.h"
#include "apps/trm_config.h"

int main(int argc, char** argv) {
  return tern::run_program([&] {
    const tern::ProgramText program{"trm_train", "Trains a Tiny Recursive Model on puzzles.",
                                    "trm_train arch=trm data_paths=[data/arc1] +run_name=x ema=True"};
    const tern::TrmCommandLine line = tern::parse_trm_command_line(argc, argv, program, 1);
    if (line.answer) std::fputs(line.answer->c_str(), stdout);
    for (const tern::TrmJob& job : line.jobs) {
      std::printf("# %s\n%s", job.sweep.c_str(), job.resolved_yaml.c_str());
    }
    return 0;
  });
}
