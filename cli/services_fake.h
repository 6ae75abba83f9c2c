#ifndef HOPTRAIL_CLI_SERVICES_FAKE_H_
#define HOPTRAIL_CLI_SERVICES_FAKE_H_

// For tests: the services of a collector, with a small fleet.

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/grpcpp.h>

#include "core/base/mutex.h"
#include <hoptrail/v1/detection.grpc.pb.h>
#include <hoptrail/v1/fleet.grpc.pb.h>
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::cli {

inline constexpr char kIncident[] = "incidents/3fa2c81d90ab00000000000000000000";

// The requests that a service received: written by gRPC's threads, read by the test's.
template <typename T>
class Asked {
 public:
  // Returns the new number of values.
  size_t Add(T value) {
    MutexLock lock(&mutex_);
    values_.push_back(std::move(value));
    return values_.size();
  }
  std::vector<T> All() const {
    MutexLock lock(&mutex_);
    return values_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<T> values_ ABSL_GUARDED_BY(mutex_);
};

// A fleet of five hosts, in pages of two.
class FakeFleet : public v1::FleetService::Service {
 public:
  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    if (failure != grpc::StatusCode::OK) return {failure, "no answer from the store"};
    const int begin = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    page_sizes.Add(request->page_size());
    for (int i = begin; i < 5 && i < begin + std::min(2, request->page_size()); ++i) {
      v1::Host* host = response->add_hosts();
      host->set_host_name(absl::StrCat("host", i, bad_text ? "\xff" : ""));
      if (read_only) *host->add_degradations() = Trouble();
    }
    if (read_only) *response->mutable_store_trouble() = Trouble();
    const int end = begin + response->hosts_size();
    if (endless) response->set_next_page_token("0");
    if (!endless && end < 5) response->set_next_page_token(absl::StrCat(end));
    return grpc::Status::OK;
  }

  grpc::Status GetHost(grpc::ServerContext*, const v1::GetHostRequest* request,
                       v1::Host* host) override {
    if (request->name() == "gone") return {grpc::StatusCode::NOT_FOUND, "there is no host 'gone'"};
    host->set_name(absl::StrCat("hosts/", std::string(32, '1')));
    host->set_host_name("web");
    host->add_boots()->set_name(absl::StrCat(host->name(), ".", std::string(32, '2')));
    return grpc::Status::OK;
  }
  grpc::Status RemoveHost(grpc::ServerContext*, const v1::RemoveHostRequest* request,
                          v1::RemoveHostResponse*) override {
    removed.Add(request->name());
    if (connected) return {grpc::StatusCode::FAILED_PRECONDITION, "its agent is connected"};
    return grpc::Status::OK;
  }

  static v1::Degradation Trouble() {
    v1::Degradation trouble;
    trouble.set_kind(v1::COLLECTOR_STORE_READ_ONLY);
    trouble.set_detail("No space left on device\x1b[2J\u2066");
    return trouble;
  }

  Asked<int> page_sizes;
  Asked<std::string> removed;
  std::atomic<bool> endless = false;
  std::atomic<bool> read_only = false;
  std::atomic<bool> connected = false;
  std::atomic<bool> bad_text = false;
  std::atomic<grpc::StatusCode> failure = grpc::StatusCode::OK;  // of ListHosts
};

// Knows the path of one session, and of no incident.
class FakeGraph : public v1::GraphService::Service {
 public:
  grpc::Status GetPath(grpc::ServerContext*, const v1::GetPathRequest* request,
                       v1::Path* path) override {
    asked.Add(request->name());
    if (request->name() == "sessions/beef") {
      path->set_name("sessions/beef0000000000000000000000000000");
      path->add_steps()->set_parent(-1);
      return grpc::Status::OK;
    }
    return {grpc::StatusCode::NOT_FOUND, "nothing of that name"};
  }
  grpc::Status ListSessions(grpc::ServerContext*, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse*) override {
    filters.Add(request->filter());
    return grpc::Status::OK;
  }

  Asked<std::string> asked, filters;
};

// Lists no incident. Breaks off the first two watches after two detections each; refuses the third.
class FakeDetections : public v1::DetectionService::Service {
 public:
  grpc::Status ListDetections(grpc::ServerContext*, const v1::ListDetectionsRequest*,
                              v1::ListDetectionsResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status WatchDetections(grpc::ServerContext*, const v1::WatchDetectionsRequest* request,
                               grpc::ServerWriter<v1::WatchDetectionsResponse>* writer) override {
    const size_t times = tokens.Add(request->resume_token());
    if (times == 3) return {grpc::StatusCode::PERMISSION_DENIED, "no longer a reader"};
    for (size_t sent = 2 * times - 1; sent <= 2 * times; ++sent) {
      v1::WatchDetectionsResponse response;
      response.set_resume_token(absl::StrCat("token", sent));
      response.mutable_detection()->set_name(absl::StrCat("detections/", sent / 2));
      response.mutable_detection()->set_rule(absl::StrCat("rule", sent));
      writer->Write(response);
    }
    return {grpc::StatusCode::UNAVAILABLE, "going down\x1b[2J"};
  }
  grpc::Status ListIncidents(grpc::ServerContext*, const v1::ListIncidentsRequest* request,
                             v1::ListIncidentsResponse* response) override {
    for (int i = 0; i < std::min<int>(incidents, request->page_size()); ++i) {
      response->add_incidents()->set_title(request->filter());
    }
    return incidents_fail ? grpc::Status(grpc::StatusCode::INTERNAL, "the store is broken")
                          : grpc::Status::OK;
  }
  grpc::Status GetIncident(grpc::ServerContext*, const v1::GetIncidentRequest* request,
                           v1::Incident* incident) override {
    incident->set_name(request->name());
    incident->set_title("gw → web");
    incident->add_detections("detections/aa");
    return grpc::Status::OK;
  }
  grpc::Status GetDetection(grpc::ServerContext*, const v1::GetDetectionRequest* request,
                            v1::Detection* detection) override {
    detection->set_name(request->name());
    detection->set_rule("pivot");
    return grpc::Status::OK;
  }
  grpc::Status ResolveIncident(grpc::ServerContext*, const v1::ResolveIncidentRequest* request,
                               v1::Incident* incident) override {
    if (!absl::StartsWith(kIncident, request->name())) {
      return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no incident ", request->name())};
    }
    incident->set_name(kIncident);
    incident->set_state(v1::RESOLVED);
    incident->set_changed_by("alice");
    return grpc::Status::OK;
  }

  Asked<std::string> tokens;
  std::atomic<bool> incidents_fail = false;
  std::atomic<int> incidents = 0;  // of each state
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_SERVICES_FAKE_H_
