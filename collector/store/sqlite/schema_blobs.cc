#include "collector/store/sqlite/schema_blobs.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "collector/store/sqlite/codec.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/agent_state.h"
#include "core/wire/detection.h"
#include "core/wire/graph.h"
#include "core/wire/observations.h"
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::collector::store {
namespace {

constexpr int kRowsAtOnce = 1000;
constexpr char kDamaged[] = "\xff";  // the beginning of a field, without its end

using Rewrite = std::string (*)(absl::string_view data);

template <typename Message>
std::string FromMessage(absl::string_view data) {
  Message message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size()))) return kDamaged;
  const auto value = wire::FromProto(message);
  return value.ok() ? Encode(*value) : kDamaged;
}

// The degradations were a Host message without other fields.
std::string FromDegradations(absl::string_view data) {
  v1::Host message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size()))) return kDamaged;
  std::vector<model::Degradation> degradations;
  for (const v1::Degradation& each : message.degradations()) {
    absl::StatusOr<model::Degradation> degradation = wire::FromProto(each);
    if (!degradation.ok()) return kDamaged;
    degradations.push_back(*std::move(degradation));
  }
  return Encode(degradations);
}

struct Column {
  const char* table;
  const char* key;  // the order in which the rows are rewritten
  const char* column;
  Rewrite rewrite;
};

constexpr Column kColumns[] = {
    {"sessions", "rowid", "data", FromMessage<v1::Session>},
    {"hops", "rowid", "data", FromMessage<v1::Hop>},
    {"detections", "rowid", "data", FromMessage<v1::Detection>},
    {"incidents", "rowid", "data", FromMessage<v1::Incident>},
    {"login_attempts", "rowid", "data", FromMessage<v1::LoginAttempt>},
    {"losses", "rowid", "data", FromMessage<v1::LossReport>},
    {"hosts", "id", "health", FromMessage<v1::AgentHealth>},
    {"hosts", "id", "coverage", FromMessage<v1::CoverageReport>},
    {"hosts", "id", "agent_degradations", FromDegradations},
    {"hosts", "id", "collector_degradations", FromDegradations},
};

absl::Status RewriteColumn(sqlite::Database* database, const Column& column) {
  const bool by_id = absl::string_view(column.key) == "id";
  HT_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      database->Prepare(absl::StrCat(
          "SELECT ", column.key, ", ", column.column, " FROM ", column.table, " WHERE ", column.key,
          " > ?1 AND ", column.column, " != x'' ORDER BY ", column.key, " LIMIT ", kRowsAtOnce)));
  HT_ASSIGN_OR_RETURN(sqlite::Statement update, database->Prepare(absl::StrCat(
                                                    "UPDATE ", column.table, " SET ", column.column,
                                                    " = ?1 WHERE ", column.key, " = ?2")));
  int64_t row_id = 0;
  std::string id;
  size_t damaged = 0;
  while (true) {
    struct Row {
      int64_t row_id;
      std::string id;
      std::string data;
    };
    std::vector<Row> rows;
    if (by_id) {
      select.BindBlob(1, id);
    } else {
      select.BindInt(1, row_id);
    }
    while (true) {
      HT_ASSIGN_OR_RETURN(bool more, select.Step());
      if (!more) break;
      if (by_id) {
        rows.push_back({0, std::string(select.Blob(0)), column.rewrite(select.Blob(1))});
      } else {
        rows.push_back({select.Int(0), "", column.rewrite(select.Blob(1))});
      }
    }
    select.Reset();
    if (rows.empty()) break;
    for (const Row& row : rows) {
      damaged += row.data == kDamaged ? 1 : 0;
      update.BindBlob(1, row.data);
      if (by_id) {
        update.BindBlob(2, row.id);
      } else {
        update.BindInt(2, row.row_id);
      }
      HT_RETURN_IF_ERROR(update.Run());
    }
    row_id = rows.back().row_id;
    id = rows.back().id;
  }
  if (damaged > 0) {
    LogError("store", damaged, " damaged rows in ", column.table, ".", column.column);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RewriteBlobs(sqlite::Database* database) {
  for (const Column& column : kColumns) HT_RETURN_IF_ERROR(RewriteColumn(database, column));
  return absl::OkStatus();
}

}  // namespace hoptrail::collector::store
