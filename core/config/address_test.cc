#include "core/config/address.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

std::string Fault(absl::string_view text, AddressUse use = AddressUse::kConnect) {
  const auto address = ParseAddress(text, use);
  return address.ok() ? absl::StrCat("no fault in ", text)
                      : std::string(address.status().message());
}

TEST(Address, EveryForm_IsParsed) {
  const auto name = ParseAddress("collector.example:7443", AddressUse::kConnect);
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, (Address{.host = "collector.example", .port = 7443}));
  EXPECT_EQ(ParseAddress("a_b-1.svc.:1", AddressUse::kConnect)->host, "a_b-1.svc.");
  EXPECT_EQ(ParseAddress("192.0.2.1:65535", AddressUse::kConnect)->port, 65535);
  EXPECT_EQ(ParseAddress("[2001:DB8:0::1]:22", AddressUse::kConnect)->host, "2001:db8::1");
  EXPECT_EQ(ParseAddress("[fe80::1%eth0.7]:22", AddressUse::kConnect)->host, "fe80::1%eth0.7");
  EXPECT_EQ(ParseAddress("unix:/run/hoptrail/c.sock", AddressUse::kConnect)->socket_path,
            "/run/hoptrail/c.sock");
  EXPECT_EQ(ParseAddress("unix:///run/c.sock", AddressUse::kConnect)->socket_path, "/run/c.sock");
}

TEST(Address, ToString_RoundTrips) {
  for (const char* text :
       {"c:1", "192.0.2.1:22", "[2001:db8::1]:7443", "[fe80::1%eth0]:1", "unix:/run/c.sock"}) {
    EXPECT_EQ(ToString(*ParseAddress(text, AddressUse::kConnect)), text);
  }
}

TEST(Address, AddressThatCannotWork_IsRefusedWithAReason) {
  EXPECT_THAT(Fault("https://collector.example:7443"), HasSubstr("is a URL"));
  EXPECT_THAT(Fault("dns:///collector:7443"), HasSubstr("is a URL"));
  EXPECT_THAT(Fault("collector.example"), HasSubstr("has no port; write host:port"));
  EXPECT_THAT(Fault("192.0.2.1"), HasSubstr("has no port"));
  EXPECT_THAT(Fault("[2001:db8::1]"), HasSubstr("has no port"));
  EXPECT_THAT(Fault("[2001:db8::1"), HasSubstr("has no ]"));
  EXPECT_THAT(Fault("2001:db8::1"), HasSubstr("write [2001:db8::1]:7443"));
  EXPECT_THAT(Fault("2001:db8::1:7443"), HasSubstr("without brackets"));
  EXPECT_THAT(Fault("::1"), HasSubstr("without brackets"));
  EXPECT_THAT(Fault("[192.0.2.1]:22"), HasSubstr("no IPv6 address between"));
  EXPECT_THAT(Fault("[c]:22"), HasSubstr("no IPv6 address between"));
  EXPECT_THAT(Fault("[fe80::1%]:22"), HasSubstr("no IPv6 address between"));
  EXPECT_THAT(Fault("${COLLECTOR}"), HasSubstr("has a variable in it"));
  EXPECT_THAT(Fault("${COLLECTOR}:7443"), HasSubstr("has a variable in it"));
  EXPECT_THAT(Fault("$COLLECTOR:7443"), HasSubstr("has a variable in it"));
  EXPECT_THAT(Fault("10.0.0.256:1"), HasSubstr("no IPv4 address"));
  EXPECT_THAT(Fault("10.1:1"), HasSubstr("no IPv4 address"));
  for (const char* host : {":1", "a b:1", "a..b:1", "-a:1",
                           "gr\xc3\xb6\xc3\x9f"
                           "er:1",
                           "a/b:1", " a:1"}) {
    EXPECT_THAT(Fault(host), HasSubstr("before its port")) << host;
  }
  EXPECT_THAT(Fault(std::string(300, 'a') + ":1"), HasSubstr("too long"));
  EXPECT_THAT(Fault(""), HasSubstr("has no port"));
}

TEST(Address, PortOutOfRange_IsRefused) {
  for (const char* text : {"c:", "c:0", "c:65536", "c:99999", "c:-1", "c:+1", "c: 1", "c:1 ",
                           "c:https", "c:4294967297", "[::1]:0", "[::1]:x"}) {
    EXPECT_THAT(Fault(text, AddressUse::kListen), HasSubstr("has no port from 1 to 65535")) << text;
    EXPECT_THAT(Fault(text, AddressUse::kConnect), HasSubstr("has no port from 1 to 65535"))
        << text;
  }
}

TEST(Address, SocketPathThatKernelOrGrpcRefuses_IsRefused) {
  EXPECT_TRUE(ParseAddress("unix:/" + std::string(106, 'a'), AddressUse::kListen).ok());
  EXPECT_THAT(Fault("unix:/" + std::string(107, 'a')), HasSubstr("has a path of 108 bytes"));
  EXPECT_THAT(Fault("unix:c.sock"), HasSubstr("an absolute path"));
  EXPECT_THAT(Fault("unix:"), HasSubstr("an absolute path"));
  EXPECT_THAT(Fault("unix:/run/"), HasSubstr("names a directory"));
  for (const char* path : {"/a b", "/a%20b", "/a?b", "/a#b", "/\xc3\xa4"}) {
    EXPECT_THAT(Fault(absl::StrCat("unix:", path)), HasSubstr("gRPC does not take")) << path;
  }
}

TEST(Address, WildcardAddress_IsForListeningOnly) {
  for (const char* text : {"0.0.0.0:7443", "[::]:7443", "[0::0]:7443"}) {
    EXPECT_TRUE(ParseAddress(text, AddressUse::kListen).ok()) << text;
    EXPECT_THAT(Fault(text), HasSubstr("every address of a host"));
  }
}

TEST(Address, HostNamedLikeAScheme_GetsADnsTarget) {
  const auto target = [](absl::string_view text) {
    return GrpcTarget(*ParseAddress(text, AddressUse::kConnect));
  };
  EXPECT_EQ(target("dns:53"), "dns:///dns:53");
  EXPECT_EQ(target("192.0.2.1:22"), "dns:///192.0.2.1:22");
  EXPECT_EQ(target("[::1]:22"), "[::1]:22");
  EXPECT_EQ(target("unix:/a"), "unix:/a");
}

TEST(Address, SamePortOrWildcard_ListenersOverlap) {
  const auto overlap = [](absl::string_view a, absl::string_view b) {
    return Overlap(*ParseAddress(a, AddressUse::kListen), *ParseAddress(b, AddressUse::kListen));
  };
  EXPECT_TRUE(overlap("c:1", "c:1"));
  EXPECT_TRUE(overlap("[::1]:1", "[0::1]:1"));
  EXPECT_TRUE(overlap("[::]:1", "192.0.2.1:1"));
  EXPECT_TRUE(overlap("0.0.0.0:1", "127.0.0.1:1"));
  EXPECT_TRUE(overlap("unix:/a", "unix:/a"));
  EXPECT_FALSE(overlap("c:1", "c:2"));
  EXPECT_FALSE(overlap("127.0.0.1:1", "192.0.2.1:1"));
  EXPECT_FALSE(overlap("unix:/a", "unix:/b"));
  EXPECT_FALSE(overlap("unix:/a", "c:1"));
}

}  // namespace
}  // namespace hoptrail::config
