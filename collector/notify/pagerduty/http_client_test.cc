#include "collector/notify/pagerduty/http_client.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/http_server_fake.h"
#include "core/base/unique_fd.h"
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::collector::notify {
namespace {

using ::testing::HasSubstr;

std::string WhyNot(HttpClient* client, const std::string& url) {
  const auto answer = client->Post(url, "{}");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << url;
  return std::string(answer.status().message());
}

TEST(HttpClientTest, NoAnswer_ErrorSaysWhy) {
  HttpClient client(absl::Milliseconds(300));
  EXPECT_THAT(WhyNot(&client, "http://127.0.0.1:1/"), HasSubstr("connect"));
  EXPECT_THAT(WhyNot(&client, "https://pager.invalid/"), HasSubstr("pager.invalid"));

  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string silent = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port), "/");
  EXPECT_THAT(WhyNot(&client, silent), HasSubstr("timed out"));
}

TEST(HttpClientTest, Redirect_IsReportedAndNotFollowed) {
  FakeHttpServer elsewhere;
  FakeHttpServer server;
  server.Answer(302, absl::StrCat("Location: ", elsewhere.url(), "\r\n"), "");
  HttpClient client;
  const auto answer = client.Post(server.url(), "{}");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->location, elsewhere.url());
  EXPECT_TRUE(elsewhere.bodies().empty());
}

TEST(EndpointTest, PlainHttp_IsAcceptedForLoopbackOnly) {
  for (const char* good : {"https://events.pagerduty.com/v2/enqueue", "http://127.0.0.1:80/x",
                           "http://localhost:1/", "http://[::1]:9/"}) {
    EXPECT_TRUE(CheckEndpoint(good).ok()) << good;
  }
  for (const char* bad : {"http://events.pagerduty.com/", "http://192.0.2.1/", "ftp://localhost/",
                          "http://localhost.example/", "nonsense", ""}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace hoptrail::collector::notify
