#include "data/text/shard.h"

#include <arrow/io/file.h>
#include <parquet/api/reader.h>
#include <parquet/api/writer.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/text/byte_sink.h"
#include "data/text/utf8.h"

namespace tern::text {

namespace {

namespace fs = std::filesystem;

constexpr const char* kReadFix = "copy or download the shard again";

// Message of a Parquet error: its first line, without the library's own prefixes.
std::string reason(const std::exception& error) {
  const std::string what = error.what();
  return what.substr(0, what.find('\n'));
}

// Calls read; whatever the Parquet library throws becomes an Error that names the shard.
template <typename Read>
auto reading(const std::string& where, Read&& read) {
  try {
    return read();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::data, "shard is damaged: " + reason(error), where, kReadFix);
  }
}

template <typename Write>
void writing(const fs::path& path, Write&& write) {
  try {
    write();
  } catch (const parquet::ParquetException& error) {
    throw Error(ErrorKind::data, "write failed: " + reason(error), path.string(),
                "free space on the disk, or check "
                "that the folder can be written");
  }
}

std::shared_ptr<parquet::schema::GroupNode> text_schema() {
  const auto text = parquet::schema::PrimitiveNode::Make(kTextColumn, parquet::Repetition::OPTIONAL,
                                                         parquet::LogicalType::String(), parquet::Type::BYTE_ARRAY);
  return std::static_pointer_cast<parquet::schema::GroupNode>(
      parquet::schema::GroupNode::Make("schema", parquet::Repetition::REQUIRED, {text}));
}

std::shared_ptr<parquet::WriterProperties> shard_properties() {
  return parquet::WriterProperties::Builder()
      .compression(parquet::Compression::ZSTD)
      ->compression_level(3)
      ->disable_dictionary()
      ->disable_statistics()
      ->enable_page_checksum()
      ->created_by("tern")
      ->build();
}

parquet::ReaderProperties reader_properties() {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return properties;
}

}  // namespace

struct ShardReader::Impl {
  std::string where;
  std::unique_ptr<parquet::ParquetFileReader> file;
  int column = -1;

  void find_column() {
    const parquet::SchemaDescriptor* schema = file->metadata()->schema();
    column = schema->ColumnIndex(kTextColumn);
    if (column < 0) {
      throw Error(ErrorKind::data, "shard has no column \"text\"", where, "make shards of its source with gpt_data");
    }
    const parquet::ColumnDescriptor* text = schema->Column(column);
    if (text->physical_type() != parquet::Type::BYTE_ARRAY || text->max_repetition_level() > 0) {
      throw Error(ErrorKind::data, "column \"text\" of the shard doesn't hold strings", where,
                  "make shards of its source with gpt_data");
    }
  }

  std::string document(const parquet::ByteArray& value, int64_t row_group, int64_t row) const {
    std::string text(reinterpret_cast<const char*>(value.ptr), value.len);
    if (const auto invalid = find_invalid_utf8(text)) {
      throw Error(ErrorKind::data, "invalid UTF-8 at byte " + std::to_string(*invalid), row_name(row_group, row),
                  kReadFix);
    }
    return text;
  }

  [[nodiscard]] std::string row_name(int64_t row_group, int64_t row) const {
    return where + " row group " + std::to_string(row_group) + " row " + std::to_string(row);
  }

  std::vector<std::string> read(int64_t row_group) {
    const auto group = file->RowGroup(static_cast<int>(row_group));
    const auto reader = std::static_pointer_cast<parquet::ByteArrayReader>(group->Column(column));
    const int64_t rows = group->metadata()->num_rows();
    const int16_t present = file->metadata()->schema()->Column(column)->max_definition_level();
    std::vector<std::string> documents;
    constexpr int64_t kBatch = 256;
    std::vector<int16_t> definition_levels(kBatch, present);
    std::vector<parquet::ByteArray> values(kBatch);
    while (reader->HasNext()) {
      int64_t values_read = 0;
      const int64_t levels = reader->ReadBatch(kBatch, definition_levels.data(), nullptr, values.data(), &values_read);
      if (values_read < levels) {
        const auto null = std::find_if(definition_levels.begin(), definition_levels.end(),
                                       [&](int16_t level) { return level < present; });
        const auto row = static_cast<int64_t>(documents.size()) + (null - definition_levels.begin());
        throw Error(ErrorKind::data, "document is null", row_name(row_group, row), "leave such rows out");
      }
      if (levels == 0) break;
      for (int64_t i = 0; i < values_read; ++i) {
        documents.push_back(
            document(values[static_cast<size_t>(i)], row_group, static_cast<int64_t>(documents.size())));
      }
    }
    if (static_cast<int64_t>(documents.size()) != rows) throw parquet::ParquetException("rows are missing");
    return documents;
  }
};

ShardReader::ShardReader(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  impl_->where = path.string();
  if (!fs::is_regular_file(path)) throw Error(ErrorKind::data, "no such shard", path.string(), "check the path");
  if (fs::file_size(path) == 0) throw Error(ErrorKind::data, "shard is empty", path.string(), kReadFix);
  reading(impl_->where, [&] {
    impl_->file = parquet::ParquetFileReader::OpenFile(path.string(), /*memory_map=*/false, reader_properties());
    impl_->find_column();
    if (impl_->file->metadata()->num_rows() == 0) {
      throw Error(ErrorKind::data, "shard holds no documents", path.string(), kReadFix);
    }
  });
}

ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;
ShardReader& ShardReader::operator=(ShardReader&&) noexcept = default;

int64_t ShardReader::num_row_groups() const {
  return impl_->file->metadata()->num_row_groups();
}

int64_t ShardReader::num_documents(int64_t row_group) const {
  return impl_->file->metadata()->RowGroup(static_cast<int>(row_group))->num_rows();
}

std::vector<std::string> ShardReader::read_row_group(int64_t row_group) {
  return reading(impl_->where, [&] { return impl_->read(row_group); });
}

struct ShardWriter::Impl {
  fs::path path;
  fs::path temporary;
  std::shared_ptr<arrow::io::FileOutputStream> stream;
  std::unique_ptr<parquet::ParquetFileWriter> writer;
};

ShardWriter::ShardWriter(const fs::path& path, int64_t row_group_size)
    : impl_(std::make_unique<Impl>()), row_group_size_(row_group_size) {
  impl_->path = path;
  impl_->temporary = path.string() + ".tmp";
  writing(path, [&] {
    PARQUET_ASSIGN_OR_THROW(impl_->stream, arrow::io::FileOutputStream::Open(impl_->temporary.string()));
    impl_->writer = parquet::ParquetFileWriter::Open(impl_->stream, text_schema(), shard_properties());
  });
}

ShardWriter::~ShardWriter() {
  if (!impl_->stream) return;
  impl_->writer.reset();
  impl_->stream.reset();
  std::error_code ignored;
  fs::remove(impl_->temporary, ignored);
}

void ShardWriter::add(std::string document) {
  row_group_.push_back(std::move(document));
  ++num_documents_;
  if (static_cast<int64_t>(row_group_.size()) == row_group_size_) write_row_group();
}

void ShardWriter::write_row_group() {
  if (row_group_.empty()) return;
  std::vector<parquet::ByteArray> values;
  for (const auto& document : row_group_) values.emplace_back(std::string_view(document));
  const std::vector<int16_t> present(values.size(), 1);
  writing(impl_->path, [&] {
    auto* column = static_cast<parquet::ByteArrayWriter*>(impl_->writer->AppendRowGroup()->NextColumn());
    column->WriteBatch(static_cast<int64_t>(values.size()), present.data(), nullptr, values.data());
    column->Close();
  });
  row_group_.clear();
}

void ShardWriter::finish() {
  write_row_group();
  writing(impl_->path, [&] {
    impl_->writer->Close();
    PARQUET_THROW_NOT_OK(impl_->stream->Close());
  });
  sync_and_rename(impl_->temporary, impl_->path);
  impl_->writer.reset();
  impl_->stream.reset();
}

}  // namespace tern::text
