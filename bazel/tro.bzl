"""How Bazel builds TRO: the same modules, flags and programs as CMake (CMakeLists.txt); tests/ship/test_bazel.py compares the two."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

COPTS = [
    "-std=c17",
    "-D_GNU_SOURCE",
    "-O2",
    "-g",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=3",
    "-UNDEBUG",  # assertions stay on in every build type
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-fPIE",
    "-fno-omit-frame-pointer",
    "-fstack-protector-strong",
    "-fstack-clash-protection",
] + select({
    "@bazel_tools//src/conditions:linux_x86_64": ["-fcf-protection"],
    "//conditions:default": [],
})

LINKOPTS = [
    "-pie",
    "-pthread",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
]

# The tests see every module, as with CMake.
TEST_COPTS = COPTS + ["-I."]

def tro_module(name, sees = [], links = [], copts = [], alwayslink = False):
    """A folder of src/ as a library. sees: the modules that it may include; links: libraries; copts: where their headers are;
    alwayslink: for one that defines what a module below it declares."""
    cc_library(
        name = name,
        alwayslink = alwayslink,
        srcs = native.glob(["*.c"], allow_empty = True),
        hdrs = native.glob(["*.h", "*.def"], allow_empty = True),
        copts = COPTS + copts,
        linkstatic = True,
        strip_include_prefix = "/src",
        visibility = ["//:__subpackages__"],
        deps = sees + links,
    )

def tro_embed(name, files, table, visibility = None):
    """Files as a table of C arrays (src/base/embedded.h), written by the script that CMake uses."""
    native.genrule(
        name = name + "_table",
        srcs = files,
        outs = [table + ".c"],
        cmd = "cmake -DOUTPUT=$@ -DTABLE=%s -DFILES=$$(echo $(SRCS) | tr ' ' ',') -P $(location //:cmake/embed.cmake)" % table,
        tools = ["//:cmake/embed.cmake"],
    )
    cc_library(
        name = name,
        srcs = [table + ".c"],
        copts = COPTS,
        linkstatic = True,
        visibility = visibility,
        deps = ["//src/base"],
    )

def tro_commit(name):
    """The commit that is built (src/base/version.h), as scripts/bazel-status.sh tells it."""
    native.genrule(
        name = name + "_file",
        outs = [name + ".c"],
        cmd = """sed -n 's/^STABLE_TRO_COMMIT \\(.*\\)$$/#include "base\\/version.h"\\nconst char version_commit[] = "\\1";/p' bazel-out/stable-status.txt >$@""",
        stamp = 1,
    )
    cc_library(
        name = name,
        srcs = [name + ".c"],
        copts = COPTS,
        linkstatic = True,
        visibility = ["//src:__subpackages__"],
        deps = ["//src/base"],
    )

def tro_program(name, sees = []):
    cc_binary(
        name = name,
        srcs = ["main.c"],
        copts = COPTS,
        linkopts = LINKOPTS,
        visibility = ["//visibility:public"],
        deps = [
            "//src/base",
            "//src/config",
            "//src/domain",
            "//src/ports",
            "//src/runtime",
        ] + sees,
    )

def tro_unit_test(name, srcs, deps):
    cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        copts = TEST_COPTS,
        linkstatic = True,
        linkopts = LINKOPTS,
        deps = deps + [
            ":support",
            "//bazel/libs:cmocka",
        ],
    )
