#include "engine/monitor/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <concepts>
#include <system_error>

#include "engine/monitor/crc32c.h"

namespace tern {

namespace {

static_assert(std::endian::native == std::endian::little, "the formats here are little-endian");

constexpr std::string_view kFilePrefix = "events.out.tfevents.";

template <class T>
std::string raw_bytes(T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  return {bytes.data(), bytes.size()};
}

// Protobuf's wire format: a key (field number and wire type), then the value.
class Message {
 public:
  Message& varint(int field, uint64_t value) {
    key(field, 0);
    put_varint(value);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    put_varint(value.size());
    data_ += value;
    return *this;
  }
  Message& number(int field, double value) {
    key(field, 1);
    data_ += raw_bytes(value);
    return *this;
  }
  Message& number(int field, float value) {
    key(field, 5);
    data_ += raw_bytes(value);
    return *this;
  }
  [[nodiscard]] const std::string& data() const { return data_; }

 private:
  void key(int field, int wire_type) { put_varint(static_cast<uint64_t>(field << 3 | wire_type)); }
  void put_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) data_ += static_cast<char>(value | 0x80);
    data_ += static_cast<char>(value);
  }

  std::string data_;
};

// Field numbers of event.proto, summary.proto and tensor.proto.
namespace event {
constexpr int wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace session_log {
constexpr int status = 1;
constexpr uint64_t start = 1;
}  // namespace session_log
namespace summary {
constexpr int value = 1;
}
namespace value {
constexpr int tag = 1, simple_value = 2, tensor = 8, metadata = 9;
}
namespace metadata {
constexpr int plugin_data = 1, plugin_name = 1;
}
namespace tensor {
constexpr int dtype = 1, string_val = 8;
constexpr uint64_t dt_string = 7;
}  // namespace tensor

Message event_at(double wall_time, int64_t step) {
  Message message;
  message.number(event::wall_time, wall_time);
  if (step != 0) message.varint(event::step, static_cast<uint64_t>(step));  // zero is protobuf's default
  return message;
}

double wall_time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

// Seconds in the name of the newest event file of the folder; 0 without one.
int64_t newest_file_time(const std::filesystem::path& folder) {
  int64_t newest = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kFilePrefix)) continue;
    int64_t seconds = 0;
    std::from_chars(name.data() + kFilePrefix.size(), name.data() + name.size(), seconds);
    newest = std::max(newest, seconds);
  }
  return newest;
}

std::filesystem::path new_file_path(const std::filesystem::path& folder) {
  const int64_t seconds = std::max(static_cast<int64_t>(wall_time_now()), newest_file_time(folder) + 1);
  return folder / fmt::format("{}{:010}.{}.{}", kFilePrefix, seconds, host_name(), ::getpid());
}

}  // namespace

std::string tfrecord(std::string_view payload) {
  const std::string length = raw_bytes(static_cast<uint64_t>(payload.size()));
  std::string record = length + raw_bytes(masked_crc32c(length));
  record += payload;
  return record + raw_bytes(masked_crc32c(payload));
}

std::string file_version_event(double wall_time) {
  return event_at(wall_time, 0).bytes(event::file_version, "brain.Event:2").data();
}

std::string session_start_event(double wall_time, int64_t step) {
  const Message log = Message().varint(session_log::status, session_log::start);
  return event_at(wall_time, step).bytes(event::session_log, log.data()).data();
}

std::string scalars_event(double wall_time, int64_t step, const NamedValues& values) {
  Message all;
  for (const auto& [name, number] : values) {
    const Message one = Message().bytes(value::tag, name).number(value::simple_value, static_cast<float>(number));
    all.bytes(summary::value, one.data());
  }
  return event_at(wall_time, step).bytes(event::summary, all.data()).data();
}

std::string text_event(double wall_time, int64_t step, std::string_view tag, std::string_view text) {
  const Message plugin = Message().bytes(metadata::plugin_name, "text");
  const Message about = Message().bytes(metadata::plugin_data, plugin.data());
  const Message content = Message().varint(tensor::dtype, tensor::dt_string).bytes(tensor::string_val, text);
  const Message one =
      Message().bytes(value::tag, tag).bytes(value::tensor, content.data()).bytes(value::metadata, about.data());
  return event_at(wall_time, step).bytes(event::summary, Message().bytes(summary::value, one.data()).data()).data();
}

EventWriter::EventWriter(const std::filesystem::path& folder, int64_t first_step)
    : file_(new_file_path(folder), AppendFile::Sharing::shared) {
  file_.append(tfrecord(file_version_event(wall_time_now())));
  restart(first_step);
}

bool EventWriter::scalars(int64_t step, const NamedValues& values) {
  return file_.append(tfrecord(scalars_event(wall_time_now(), step, values)));
}

bool EventWriter::text(int64_t step, std::string_view tag, std::string_view text) {
  return file_.append(tfrecord(text_event(wall_time_now(), step, tag, text)));
}

bool EventWriter::restart(int64_t first_step) {
  return file_.append(tfrecord(session_start_event(wall_time_now(), first_step)));
}

}  // namespace tern
