#include "core/config/message_filler.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "core/base/status_macros.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxListEntries = 10'000;
constexpr size_t kMaxShownBytes = 64;

std::string Join(const std::string& path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

// A node in words, for error messages.
std::string Shown(const YAML::Node& node) {
  if (node.IsMap()) return "keys and values";
  if (node.IsSequence()) return "a list";
  return absl::StrCat("'", node.Scalar().substr(0, kMaxShownBytes), "'");
}

// "${NAME}", as shells and templates have it.
bool HoldsVariable(absl::string_view text) {
  const size_t begin = text.find("${");
  return begin != absl::string_view::npos && absl::StrContains(text.substr(begin), "}");
}

// yaml-cpp marks a quoted scalar with the tag "!": it is text, whatever it looks like.
bool IsPlainScalar(const YAML::Node& node) { return node.IsScalar() && node.Tag() != "!"; }

// All values but the first, which is "unspecified".
std::string Choices(const EnumDescriptor& type) {
  std::string choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    absl::StrAppend(&choices, choices.empty() ? "" : ", ", type.value(i)->name());
  }
  return choices;
}

struct Range {
  int64_t least;
  int64_t most;
};

Range RangeOf(const FieldDescriptor& field) {
  Range range{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      range = {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      range = {0, std::numeric_limits<uint32_t>::max()};
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      range.least = 0;
      break;
    default:
      break;
  }
  const auto& options = field.options();
  if (options.HasExtension(v1::min))
    range.least = std::max(range.least, options.GetExtension(v1::min));
  if (options.HasExtension(v1::max))
    range.most = std::min(range.most, options.GetExtension(v1::max));
  return range;
}

// Sets a singular field, or adds to a repeated one.
#define HT_PUT(KIND, value)                              \
  if (field.is_repeated()) {                             \
    out->GetReflection()->Add##KIND(out, &field, value); \
  } else {                                               \
    out->GetReflection()->Set##KIND(out, &field, value); \
  }

void PutNumber(int64_t value, const FieldDescriptor& field, Message* out) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      HT_PUT(Int32, static_cast<int32_t>(value));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      HT_PUT(UInt32, static_cast<uint32_t>(value));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      HT_PUT(UInt64, static_cast<uint64_t>(value));
      return;
    default:
      HT_PUT(Int64, value);
      return;
  }
}

bool IsPresent(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  return field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                             : reflection.HasField(message, &field);
}

}  // namespace

absl::Status MessageFiller::Fault(const YAML::Node& node, absl::string_view path,
                                  absl::string_view what) const {
  const int line = node.Mark().is_null() ? 1 : node.Mark().line + 1;
  return absl::InvalidArgumentError(
      absl::StrCat(file_, ":", line, ": ", path, path.empty() ? "" : ": ", what));
}

void MessageFiller::Note(const YAML::Node& node, const std::string& path) const {
  if (!node.Mark().is_null()) places_->Put(path, node.Mark().line + 1);
}

absl::Status MessageFiller::Fill(const YAML::Node& node, const std::string& path,
                                 Message* out) const {
  if (!node.IsDefined() || node.IsNull()) return CheckRequired(node, path, *out);
  if (!node.IsMap()) return Fault(node, path, absl::StrCat("expected keys, got ", Shown(node)));
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return Fault(entry.first, path, "a key must be a plain word");
    const std::string key = entry.first.Scalar();
    const std::string key_path = Join(path, key.substr(0, kMaxShownBytes));
    const FieldDescriptor* field = out->GetDescriptor()->FindFieldByName(key);
    if (field == nullptr) return Fault(entry.first, key_path, "unknown key");
    if (!seen.insert(key).second) return Fault(entry.first, key_path, "given twice");
    Note(entry.first, key_path);
    if (entry.second.IsNull()) continue;
    HT_RETURN_IF_ERROR(FillField(entry.second, key_path, *field, out));
  }
  return CheckRequired(node, path, *out);
}

absl::Status MessageFiller::CheckRequired(const YAML::Node& node, const std::string& path,
                                          const Message& message) const {
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    if (field.options().GetExtension(v1::required) && !IsPresent(message, field)) {
      return Fault(node, Join(path, field.name()), "required, but absent or empty");
    }
  }
  return absl::OkStatus();
}

absl::Status MessageFiller::FillField(const YAML::Node& node, const std::string& path,
                                      const Field& field, Message* out) const {
  if (field.is_repeated()) return FillList(node, path, field, out);
  if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
    return Fill(node, path, out->GetReflection()->MutableMessage(out, &field));
  }
  return FillScalar(node, path, field, out);
}

absl::Status MessageFiller::FillList(const YAML::Node& node, const std::string& path,
                                     const Field& field, Message* out) const {
  if (!node.IsSequence())
    return Fault(node, path, absl::StrCat("expected a list, got ", Shown(node)));
  if (node.size() > kMaxListEntries) {
    return Fault(node, path, absl::StrCat("more than ", kMaxListEntries, " entries"));
  }
  for (size_t i = 0; i < node.size(); ++i) {
    const YAML::Node entry = node[i];
    const std::string entry_path = absl::StrCat(path, "[", i, "]");
    if (entry.IsNull()) return Fault(entry, entry_path, "has no value");
    Note(entry, entry_path);
    HT_RETURN_IF_ERROR(field.cpp_type() == Field::CPPTYPE_MESSAGE
                           ? Fill(entry, entry_path, out->GetReflection()->AddMessage(out, &field))
                           : FillScalar(entry, entry_path, field, out));
  }
  return absl::OkStatus();
}

absl::Status MessageFiller::FillScalar(const YAML::Node& node, const std::string& path,
                                       const Field& field, Message* out) const {
  const auto expected = [&](absl::string_view what) {
    return Fault(node, path, absl::StrCat("expected ", what, ", got ", Shown(node)));
  };
  switch (field.cpp_type()) {
    case Field::CPPTYPE_STRING:
      if (!node.IsScalar()) return expected("text");
      if (HoldsVariable(node.Scalar())) {
        return Fault(node, path,
                     absl::StrCat(Shown(node),
                                  " has a variable in it, which nothing here replaces: "
                                  "write the value itself"));
      }
      HT_PUT(String, node.Scalar());
      return absl::OkStatus();
    case Field::CPPTYPE_BOOL:
      if (!IsPlainScalar(node) || (node.Scalar() != "true" && node.Scalar() != "false")) {
        return expected("true or false");
      }
      HT_PUT(Bool, node.Scalar() == "true");
      return absl::OkStatus();
    case Field::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value =
          node.IsScalar() ? field.enum_type()->FindValueByName(node.Scalar()) : nullptr;
      if (value == nullptr || value->number() == 0) {
        return expected(absl::StrCat("one of ", Choices(*field.enum_type())));
      }
      HT_PUT(Enum, value);
      return absl::OkStatus();
    }
    case Field::CPPTYPE_INT32:
    case Field::CPPTYPE_UINT32:
    case Field::CPPTYPE_INT64:
    case Field::CPPTYPE_UINT64: {
      const Range range = RangeOf(field);
      int64_t value = 0;
      if (!IsPlainScalar(node) || !absl::SimpleAtoi(node.Scalar(), &value) || value < range.least ||
          value > range.most) {
        return expected(absl::StrCat("a whole number from ", range.least, " to ", range.most));
      }
      PutNumber(value, field, out);
      return absl::OkStatus();
    }
    case Field::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!IsPlainScalar(node) || !absl::SimpleAtod(node.Scalar(), &value)) {
        return expected("a number");
      }
      HT_PUT(Double, value);
      return absl::OkStatus();
    }
    default:
      return Fault(node, path, "the schema has a type here that configuration cannot hold");
  }
}

#undef HT_PUT

}  // namespace hoptrail::config
