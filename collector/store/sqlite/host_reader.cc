#include "collector/store/sqlite/host_reader.h"

#include <string>
#include <utility>

#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/read_page.h"
#include "collector/store/sqlite/report_codec.h"
#include "collector/store/sqlite/rows.h"
#include "collector/store/sqlite/select.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

using sqlite::Statement;

constexpr int kLossesPerHost = 100;

constexpr char kBoots[] =
    "SELECT h.id, h.state, h.first_seen, h.last_seen, h.acknowledged FROM hosts h WHERE"
    " h.machine = ?1 AND h.listed ORDER BY h.state = 1 DESC, h.connected DESC, h.id DESC LIMIT ?2";

// Adds the boots, and the losses of the newest one.
absl::Status AddBoots(sqlite::Database* database, HostView* host) {
  HT_ASSIGN_OR_RETURN(Statement boots, database->Prepare(kBoots));
  boots.BindBlob(1, Blob(host->machine)).BindInt(2, HostView::kMaxBoots);
  std::string newest;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, boots.Step());
    if (!row) break;
    if (newest.empty()) newest = std::string(boots.Blob(0));
    host->boots.push_back(BootFromRow(boots));
  }
  HT_ASSIGN_OR_RETURN(Statement losses,
                      database->Prepare("SELECT data FROM losses WHERE host = ?1"
                                        " ORDER BY until DESC, id DESC LIMIT ?2"));
  losses.BindBlob(1, newest).BindInt(2, kLossesPerHost);
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, losses.Step());
    if (!row) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(model::Loss loss, DecodeLoss(losses.Blob(0)));
    host->losses.push_back(std::move(loss));
  }
}

}  // namespace

absl::StatusOr<Page<HostView>> ListHosts(sqlite::Database* database, const HostFilter& filter,
                                         const std::optional<Cursor>& after, int limit) {
  Select select(kSelectHosts);
  select.Where(kNewestBoot);
  if (filter.host_name) select.Where("h.host_name = ?").Text(*filter.host_name);
  if (filter.state) select.Where("h.state = ?").Int(static_cast<int>(*filter.state));
  if (after) select.Where("(h.host_name, h.machine) > (?, ?)").Text(after->text).Blob(after->key);
  Page<HostView> page;
  {
    HT_ASSIGN_OR_RETURN(
        Statement statement,
        select.Prepare(database, "ORDER BY h.host_name, h.machine LIMIT ?", limit + 1));
    HT_ASSIGN_OR_RETURN(page, ReadPage<HostView>(&statement, limit, HostFromRow, -1, 1, 0));
  }
  for (HostView& host : page.items) HT_RETURN_IF_ERROR(AddBoots(database, &host));
  return page;
}

absl::StatusOr<HostView> GetHost(sqlite::Database* database, const model::MachineId& machine) {
  Select select(kSelectHosts);
  select.Where(kNewestBoot).Where("h.machine = ?").Blob(Blob(machine));
  HT_ASSIGN_OR_RETURN(Statement statement, select.Prepare(database, "LIMIT ?", 1));
  HT_ASSIGN_OR_RETURN(bool row, statement.Step());
  if (!row) return absl::NotFoundError("there is no such host");
  HT_ASSIGN_OR_RETURN(HostView host, HostFromRow(statement));
  HT_RETURN_IF_ERROR(AddBoots(database, &host));
  return host;
}

}  // namespace hoptrail::collector::store
