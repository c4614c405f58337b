#!/usr/bin/env bash
# Everything of a release but the upload: see RELEASING.md.
#   tools/release.sh check    only what can be wrong with the versions
#   tools/release.sh          check, tests, wheel and sdist in dist/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stop() { echo "release: $*" >&2; exit 1; }

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' ganaug/_version.py)
[ -n "$version" ] || stop "ganaug/_version.py names no version"
grep -Eq "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md \
  || stop "CHANGELOG.md has no line '## [$version] - YYYY-MM-DD'; give the version its date"
grep -q "^version: $version$" CITATION.cff || stop "CITATION.cff names another version than $version"
[ -z "$(git status --porcelain)" ] || stop "there are changes that are not committed; commit them"
! git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null \
  || stop "the tag v$version exists; choose the next version"
echo "release: the versions agree: $version"
[ "${1:-}" != check ] || exit 0

make test
rm -rf dist
make dist
echo "release: dist/ is ready; what is left:"
echo "  git tag v$version && git push origin v$version"
echo "  twine upload dist/ganaug-$version*"
