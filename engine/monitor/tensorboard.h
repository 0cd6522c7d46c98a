// TensorBoard event files, written by hand: TFRecord framing around protobuf messages of tensorflow's event.proto and
// summary.proto. No protobuf library is involved.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/monitor/append_file.h"
#include "engine/monitor/records.h"

namespace tern {

// TFRecord: length (8 bytes, little endian), its masked CRC, payload, its masked CRC.
[[nodiscard]] std::string tfrecord(std::string_view payload);

// The Event messages used here, without framing. wall_time: seconds since 1970.
[[nodiscard]] std::string file_version_event(double wall_time);
// Tells readers to forget values of earlier files from this step on.
[[nodiscard]] std::string session_start_event(double wall_time, int64_t step);
[[nodiscard]] std::string scalars_event(double wall_time, int64_t step, const NamedValues& values);
// Shown on TensorBoard's "Text" page; the text is Markdown.
[[nodiscard]] std::string text_event(double wall_time, int64_t step, std::string_view tag, std::string_view text);

// One event file. Values are float32 there, as TensorBoard keeps them; metrics.jsonl has the exact ones. Not
// thread-safe.
class EventWriter {
 public:
  // Makes folder/events.out.tfevents.<time>.<host>.<pid>, named so that it sorts behind the files that are there
  // (readers take them in this order). Values of earlier files from first_step on are hidden, so that curves of a
  // resumed run don't double. Throws Error(data).
  EventWriter(const std::filesystem::path& folder, int64_t first_step);

  // Returns whether everything so far is in the file.
  bool scalars(int64_t step, const NamedValues& values);
  bool text(int64_t step, std::string_view tag, std::string_view text);
  // Hides everything from first_step on that was written so far.
  bool restart(int64_t first_step);
  bool flush() { return file_.flush(); }

  [[nodiscard]] const AppendFile& file() const { return file_; }

 private:
  AppendFile file_;
};

}  // namespace tern
