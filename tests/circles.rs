//! No file of a crate depends on a file that depends on it, directly or through others. Where files form such a circle, none of them
//! can be read, tested or moved without all the others.
//!
//! The test reads the source text: `mod`, `use` and every path such as `crate::state::load`. A name counts for the file that defines it,
//! however many files re-export it. Calls of methods name no file and are not seen. Code for tests alone is left out.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// Source files by their path.
type Files = BTreeMap<PathBuf, String>;

#[test]
fn no_crate_has_a_circle_of_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut crates) = (Files::new(), BTreeSet::new());
    for folder in ["pipeline", "stages"] {
        read_below(&root.join(folder), &mut files, &mut crates);
    }
    read_manifest(&root.join("Cargo.toml"), &mut crates);
    crates.retain(|path| files.contains_key(path));
    assert!(crates.len() >= 10, "only {} crates were found", crates.len());
    let all: Vec<Edges> = crates.iter().map(|path| edges(path, &files)).collect();
    let number: usize = all.iter().flat_map(BTreeMap::values).map(BTreeMap::len).sum();
    assert!(number >= 500, "only {number} dependencies were found");
    let circles: BTreeSet<Circle> = all.iter().flat_map(circles).collect();
    let told: String = circles.iter().map(|circle| circle.to_text(root)).collect();
    assert!(circles.is_empty(), "circles: {}\n{told}Move what both sides need into a file below them.", circles.len());
}

/// Reads all Rust files below a folder, and the manifests that say where crates begin.
fn read_below(folder: &Path, files: &mut Files, crates: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, files, crates);
        } else if path.ends_with("Cargo.toml") {
            read_manifest(&path, crates);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path.clone(), std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The files with which the crates of a package begin: the usual ones, and those that the manifest names.
fn read_manifest(manifest: &Path, crates: &mut BTreeSet<PathBuf>) {
    let folder = manifest.parent().unwrap();
    crates.extend(["src/lib.rs", "src/main.rs"].map(|path| folder.join(path)));
    for line in std::fs::read_to_string(manifest).unwrap().lines() {
        let value = line.strip_prefix("path = \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(path) = value.filter(|path| path.ends_with(".rs")) {
            crates.insert(without_parents(&folder.join(path)));
        }
    }
}

/// A path without `..`.
fn without_parents(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |path, part| match part {
        Component::ParentDir => path.parent().unwrap().to_owned(),
        part => path.join(part),
    })
}

/// Files that depend on each other, with the names by which they do.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Circle {
    files: Vec<PathBuf>,
    /// From, to, and the path in the source that makes the dependency.
    edges: Vec<(PathBuf, PathBuf, String)>,
}

impl Circle {
    fn to_text(&self, root: &Path) -> String {
        let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let mut text = format!("circle of {} files: {}\n", self.files.len(), self.names(root).join(", "));
        for (from, to, path) in &self.edges {
            writeln!(text, "    {} needs {} for {path}", name(from), name(to)).unwrap();
        }
        text
    }

    fn names(&self, root: &Path) -> Vec<String> {
        self.files.iter().map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string()).collect()
    }
}

type Edges = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// The circles among dependencies: files each of which leads to all others.
fn circles(edges: &Edges) -> Vec<Circle> {
    let reach: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = edges.keys().map(|file| (file, reached(edges, file))).collect();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for file in edges.keys().filter(|file| reach[file].contains(file)) {
        if seen.contains(file) {
            continue;
        }
        let own: BTreeSet<&PathBuf> =
            reach[file].iter().copied().filter(|other| reach.get(other).is_some_and(|r| r.contains(file))).collect();
        seen.extend(own.iter().copied());
        let within = own.iter().flat_map(|from| edges[*from].iter().map(move |(to, name)| (*from, to, name)));
        found.push(Circle {
            files: own.iter().map(|&file| file.clone()).collect(),
            edges: within
                .filter(|(_, to, _)| own.contains(to))
                .map(|(a, b, name)| (a.clone(), b.clone(), name.clone()))
                .collect(),
        });
    }
    found
}

/// All that a file depends on.
fn reached<'a>(edges: &'a Edges, from: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(edges.get(file).into_iter().flat_map(BTreeMap::keys).filter(|next| reached.insert(*next)));
    }
    reached
}

/// The dependencies between the files of the crate that begins with `root`.
fn edges(root: &Path, files: &Files) -> Edges {
    let mut tree = Tree::default();
    tree.add(Module { file: root.to_owned(), folder: root.parent().unwrap().to_owned(), ..Module::default() });
    tree.read(0, &tokens(&files[root]), files);
    let mut edges = Edges::new();
    let mut add = |from: &PathBuf, to: &PathBuf, path: &[String]| {
        if from != to {
            edges.entry(from.clone()).or_default().entry(to.clone()).or_insert_with(|| path.join("::"));
        }
    };
    for (id, module) in tree.modules.iter().enumerate() {
        let file_of = |path: &[String]| match tree.resolve(id, path, &mut BTreeSet::new()) {
            Some(Found::Item(file)) => Some(file),
            _ => None,
        };
        for import in &module.imports {
            // A name that is only passed on is not used here.
            if !import.is_public || module.words.contains(&import.name) {
                file_of(&import.path).into_iter().for_each(|file| add(&module.file, &file, &import.path));
            }
        }
        for path in &module.paths {
            file_of(path).into_iter().for_each(|file| add(&module.file, &file, path));
        }
        for path in &module.globs {
            match tree.resolve(id, path, &mut BTreeSet::new()) {
                Some(Found::Module(other)) => add(&module.file, &tree.modules[other].file, path),
                Some(Found::Item(file)) => add(&module.file, &file, path),
                None => {}
            }
        }
    }
    edges
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    /// `::`
    Step,
    Sign(char),
}

impl Token {
    fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// The words, texts and signs of a source file; comments and numbers are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => i = (i..chars.len()).find(|&j| at(j) == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => i = end_of_comment(&chars, i),
            '"' => {
                let end = end_of_text(&chars, i + 1);
                found.push(Token::Text(chars[i + 1..end.min(chars.len())].iter().collect()));
                i = end + 1;
            }
            // A lifetime is no character: `'a` is not followed by a second quote.
            '\'' if at(i + 1) == '\\' => i = (i + 3..chars.len()).find(|&j| at(j) == '\'').unwrap_or(chars.len()) + 1,
            '\'' if at(i + 2) == '\'' => i += 3,
            'r' | 'b' if raw_hashes(&chars, i).is_some() => {
                let (start, hashes) = raw_hashes(&chars, i).unwrap();
                let end = |&j: &usize| at(j) == '"' && (1..=hashes).all(|n| at(j + n) == '#');
                i = (start..chars.len()).find(end).unwrap_or(chars.len()) + 1 + hashes;
            }
            c if is_word(c) => {
                let end = (i..chars.len()).find(|&j| !is_word(at(j))).unwrap_or(chars.len());
                if !c.is_numeric() {
                    found.push(Token::Word(chars[i..end].iter().collect()));
                }
                i = end;
            }
            ':' if at(i + 1) == ':' => {
                found.push(Token::Step);
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    found.push(Token::Sign(c));
                }
                i += 1;
            }
        }
    }
    found
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut i = start;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i
}

/// Where the content of a raw string begins and how many `#` guard it, when one begins at `start`.
fn raw_hashes(chars: &[char], start: usize) -> Option<(usize, usize)> {
    let mut i = start + usize::from(chars[start] == 'b');
    if chars.get(i) != Some(&'r') {
        return None;
    }
    i += 1;
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    (chars.get(i + hashes) == Some(&'"')).then_some((i + hashes + 1, hashes))
}

#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    /// Where the files of its modules lie.
    folder: PathBuf,
    parent: usize,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    globs: Vec<Vec<String>>,
    /// Paths in code, and words that stand alone there.
    paths: BTreeSet<Vec<String>>,
    words: BTreeSet<String>,
}

#[derive(Debug)]
struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

/// What a path leads to.
enum Found {
    Module(usize),
    /// Something that this file defines.
    Item(PathBuf),
}

/// The modules of a crate; the first is its root.
#[derive(Default)]
struct Tree {
    modules: Vec<Module>,
}

const DEFINING: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "union", "const", "static", "macro_rules"];
const BEGINNING: [&str; 8] = ["pub", "mod", "impl", "use", "unsafe", "async", "extern", "let"];

impl Tree {
    fn add(&mut self, module: Module) -> usize {
        self.modules.push(module);
        self.modules.len() - 1
    }

    /// Reads the tokens of a module.
    fn read(&mut self, id: usize, tokens: &[Token], files: &Files) {
        let (mut i, mut depth, mut named_file) = (0, 0_u32, None);
        while i < tokens.len() {
            if tokens[i].is('#') {
                let open = i + 1 + usize::from(tokens.get(i + 1).is_some_and(|t| t.is('!')));
                let end = closing(tokens, open);
                let attribute = &tokens[open.min(tokens.len())..end.min(tokens.len())];
                i = end + 1;
                if is_for_tests(attribute) {
                    i = end_of_item(tokens, i) + 1;
                    continue;
                }
                // Such as the texts that clap asks for.
                for at in 0..attribute.len() {
                    self.path(id, attribute, at);
                }
                if let [_, Token::Word(name), Token::Sign('='), Token::Text(path)] = attribute
                    && name == "path"
                {
                    named_file = Some(path.clone());
                }
                continue;
            }
            let next = tokens.get(i + 1);
            match (&tokens[i], next) {
                (Token::Word(word), Some(next)) if word == "use" && !next.is('<') => {
                    let end = (i..tokens.len()).find(|&j| tokens[j].is(';')).unwrap_or(tokens.len());
                    let is_public = i > 0 && (tokens[i - 1].word() == Some("pub") || tokens[i - 1].is(')'));
                    self.import(id, &mut Vec::new(), &tokens[i + 1..end], is_public);
                    i = end;
                }
                (Token::Word(word), Some(Token::Word(name))) if word == "mod" => {
                    i = self.module(id, name, &tokens[i + 2..], named_file.take(), files) + i + 2;
                }
                (Token::Word(word), Some(Token::Word(name))) if depth == 0 && DEFINING.contains(&word.as_str()) => {
                    self.modules[id].items.insert(name.clone());
                    // `const fn name`
                    i += usize::from(!DEFINING.contains(&name.as_str()));
                }
                (Token::Word(word), Some(Token::Sign('!'))) if word == "macro_rules" => {
                    self.modules[id].items.extend(tokens.get(i + 2).and_then(Token::word).map(str::to_owned));
                }
                (Token::Word(_), _) => i = self.path(id, tokens, i),
                (Token::Sign('{'), _) => depth += 1,
                (Token::Sign('}'), _) => depth = depth.saturating_sub(1),
                _ => {}
            }
            i += 1;
        }
    }

    /// Reads the word at `start` and the path that begins with it; gives the index of its last token.
    fn path(&mut self, id: usize, tokens: &[Token], start: usize) -> usize {
        let Some(first) = tokens[start].word() else { return start };
        let (mut path, mut end) = (vec![first.to_owned()], start);
        while let (Some(Token::Step), Some(Token::Word(word))) = (tokens.get(end + 1), tokens.get(end + 2)) {
            path.push(word.clone());
            end += 2;
        }
        let module = &mut self.modules[id];
        module.words.insert(first.to_owned());
        if tokens.get(start + 1) == Some(&Token::Step) {
            module.paths.insert(path);
        }
        end
    }

    /// Reads a module within another, whose name comes before `rest`; gives the index of the last token that belongs to it.
    fn module(&mut self, parent: usize, name: &str, rest: &[Token], named_file: Option<String>, files: &Files) -> usize {
        let folder = self.modules[parent].folder.clone();
        if rest.first().is_some_and(|token| token.is('{')) {
            let end = closing(rest, 0);
            let file = self.modules[parent].file.clone();
            let id = self.add(Module { file, folder: folder.join(name), parent, ..Module::default() });
            self.modules[parent].children.insert(name.to_owned(), id);
            self.read(id, &rest[1..end], files);
            return end;
        }
        let own = folder.join(name);
        let places = match named_file {
            Some(path) => vec![without_parents(&self.modules[parent].file.parent().unwrap().join(path))],
            None => vec![own.with_extension("rs"), own.join("mod.rs")],
        };
        let file = places.into_iter().find(|path| files.contains_key(path));
        let file = file.unwrap_or_else(|| panic!("{}: there is no file of module {name}", self.modules[parent].file.display()));
        let folder = if file.ends_with("mod.rs") { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        let id = self.add(Module { file: file.clone(), folder, parent, ..Module::default() });
        self.modules[parent].children.insert(name.to_owned(), id);
        self.read(id, &tokens(&files[&file]), files);
        0
    }

    /// Reads what stands between `use` and `;`, or a branch of it.
    fn import(&mut self, id: usize, path: &mut Vec<String>, tokens: &[Token], is_public: bool) {
        let depth = path.len();
        let mut name = None;
        let mut i = 0;
        while i < tokens.len() {
            match &tokens[i] {
                Token::Word(word) if word == "as" => {
                    name = tokens.get(i + 1).and_then(Token::word).map(str::to_owned);
                    i += 1;
                }
                Token::Word(word) if word == "self" && !path.is_empty() => {}
                Token::Word(word) => path.push(word.clone()),
                Token::Sign('*') => {
                    self.modules[id].globs.push(path.clone());
                    path.truncate(depth);
                    return;
                }
                Token::Sign('{') => {
                    let end = closing(tokens, i);
                    branches(&tokens[i + 1..end]).into_iter().for_each(|branch| self.import(id, path, branch, is_public));
                    path.truncate(depth);
                    return;
                }
                _ => {}
            }
            i += 1;
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            self.modules[id].imports.push(Import { name, path: path.clone(), is_public });
        }
        path.truncate(depth);
    }

    /// What a path in a module leads to; `None` for something outside of the crate.
    fn resolve(&self, id: usize, path: &[String], seen: &mut BTreeSet<(usize, String)>) -> Option<Found> {
        let (first, mut rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(id),
            "super" => Found::Module(self.modules[id].parent),
            name => self.look_up(id, name, seen)?,
        };
        while let (Found::Module(at), Some((name, others))) = (&found, rest.split_first()) {
            let at = *at;
            found = match name.as_str() {
                "super" => Found::Module(self.modules[at].parent),
                // Such as what a macro defines.
                name => self.look_up(at, name, seen).unwrap_or_else(|| Found::Item(self.modules[at].file.clone())),
            };
            rest = others;
        }
        Some(found)
    }

    /// What a name means in a module.
    fn look_up(&self, id: usize, name: &str, seen: &mut BTreeSet<(usize, String)>) -> Option<Found> {
        if !seen.insert((id, name.to_owned())) {
            return None;
        }
        let module = &self.modules[id];
        if let Some(child) = module.children.get(name) {
            return Some(Found::Module(*child));
        }
        if module.items.contains(name) {
            return Some(Found::Item(module.file.clone()));
        }
        let named = module.imports.iter().filter(|import| import.name == name);
        named.map(|import| &import.path).find_map(|path| self.resolve(id, path, seen)).or_else(|| {
            module.globs.iter().find_map(|path| match self.resolve(id, path, seen)? {
                Found::Module(other) => self.look_up(other, name, seen),
                Found::Item(_) => None,
            })
        })
    }
}

/// The branches of a list in braces.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let split = |token: &Token| {
        depth += i32::from(token.is('{')) - i32::from(token.is('}'));
        depth == 0 && token.is(',')
    };
    tokens.split(split).collect()
}

/// The index of the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len()
}

/// Whether an attribute leaves out what follows where nothing is tested.
fn is_for_tests(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter_map(Token::word).collect();
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
}

/// The index of the last token of what begins at `start`, behind further attributes: an item, or a field or an arm of a match.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut i = start;
    while tokens.get(i).is_some_and(|token| token.is('#')) {
        i = closing(tokens, i + 1) + 1;
    }
    let first = tokens.get(i).and_then(Token::word).unwrap_or_default();
    let is_item = BEGINNING.contains(&first) || DEFINING.contains(&first);
    let is_use = (i..tokens.len()).take(6).any(|j| tokens[j].word() == Some("use"));
    while i < tokens.len() {
        match &tokens[i] {
            Token::Sign(';') => return i,
            Token::Sign(',') if !is_item => return i,
            Token::Sign('{') if !is_use => return closing(tokens, i),
            Token::Sign('(' | '[' | '{') => i = closing(tokens, i) + 1,
            _ => i += 1,
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files, each circle by the names of its files.
    fn of(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files: Files = sources.iter().map(|(path, text)| (Path::new("/c").join(path), (*text).to_owned())).collect();
        circles(&edges(Path::new("/c/lib.rs"), &files)).iter().map(|circle| circle.names(Path::new("/c"))).collect()
    }

    #[test]
    fn a_circle_is_named_file_by_file() {
        let sources = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn f() { crate::c::g() }"),
            ("c.rs", "use super::{d::D, a}; pub fn g() { let _ = a::A::new(); } type E = D;"),
            ("d.rs", "pub struct D;"),
        ];
        assert_eq!(of(&sources), [["a.rs", "b.rs", "c.rs"]]);
        let files: Files = sources.iter().map(|(path, text)| (Path::new("/c").join(path), (*text).to_owned())).collect();
        let text = circles(&edges(Path::new("/c/lib.rs"), &files))[0].to_text(Path::new("/c"));
        assert!(text.contains("circle of 3 files: a.rs, b.rs, c.rs"), "{text}");
        assert!(text.contains("b.rs needs c.rs for crate::c::g"), "{text}");
    }

    #[test]
    fn a_name_counts_for_the_file_that_defines_it() {
        let through_lib = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::{B as Renamed, C};"),
            ("a.rs", "use crate::{C, Renamed}; pub struct A(C, Renamed);"),
            ("b.rs", "pub struct B; pub struct C;"),
        ];
        assert_eq!(of(&through_lib), [[""; 0]; 0]);
        let mut back = through_lib;
        back[2].1 = "pub struct B(crate::A); pub struct C;";
        assert_eq!(of(&back), [["a.rs", "b.rs"]]);
        // A folder's own file passes names on, and uses one of them.
        let passes_on = [
            ("lib.rs", "mod f;"),
            ("f/mod.rs", "mod g; mod h; pub use g::G; pub(crate) use h::*; pub struct F;"),
            ("f/g.rs", "use super::F; pub struct G(F);"),
            ("f/h.rs", "pub struct H(super::G);"),
        ];
        assert_eq!(of(&passes_on), [["f/g.rs", "f/h.rs", "f/mod.rs"]]);
        let named = [passes_on[0], ("f/mod.rs", "mod g; mod h; pub use {g::G, h::H}; pub struct F;"), passes_on[2], passes_on[3]];
        assert_eq!(of(&named), [[""; 0]; 0]);
        let uses = [named[0], ("f/mod.rs", "mod g; mod h; pub use {g::G, h::H}; pub struct F(Box<G>);"), named[2], named[3]];
        assert_eq!(of(&uses), [["f/g.rs", "f/mod.rs"]]);
    }

    #[test]
    fn modules_are_found_wherever_their_files_lie() {
        let nested = [
            ("lib.rs", "mod a { pub mod inner; pub struct Out; } #[path = \"a/../else/where.rs\"] mod b;"),
            ("a/inner.rs", "use self::deep::D; use super::super::b; pub mod deep; pub fn f() { b::g::<D>() }"),
            ("a/inner/deep.rs", "pub struct D;"),
            ("else/where.rs", "pub fn g<T>() { crate::a::inner::deep::D; }"),
        ];
        assert_eq!(of(&nested), [[""; 0]; 0]);
        let mut back = nested;
        back[2].1 = "pub struct D; fn h() { super::f() }";
        assert_eq!(of(&back), [["a/inner/deep.rs", "a/inner.rs", "else/where.rs"]]);
    }

    #[test]
    fn what_is_there_for_tests_alone_does_not_count() {
        let tested = [
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod t;"),
            ("a.rs", "#[cfg(test)] use crate::b::{B, C}; pub struct A; #[cfg(test)] #[allow(x)] mod tests { use crate::b::B; }"),
            ("b.rs", "pub struct B(crate::a::A); #[cfg(test)] pub(crate) fn f() -> crate::t::T { }"),
        ];
        assert_eq!(of(&tested), [[""; 0]; 0]);
        let mut built = tested;
        built[1].1 = "#[cfg(not(test))] use crate::b::B; pub struct A;";
        assert_eq!(of(&built), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn texts_and_comments_name_nothing() {
        let quoted = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                r##"// use crate::b::B;
                /* crate::b::B /* nested */ crate::b::B */
                pub struct A<'a>(&'a str); const C: [&str; 3] = ["crate::b::B", r#"" crate::b::B"#, "\" crate::b::B"];
                const D: [char; 2] = ['"', '\'']; fn f<'b>() -> impl Sized + use<'b> { b"crate::b::B" }"##,
            ),
            ("b.rs", "pub struct B(crate::a::A);"),
        ];
        assert_eq!(of(&quoted), [[""; 0]; 0]);
        let mut named = quoted;
        named[1].1 = "#[help(x = crate::b::help())] pub struct A;";
        assert_eq!(of(&named), [["a.rs", "b.rs"]]);
        named[1].1 = "pub struct A; const D: [char; 2] = ['\"', '\\'']; type E = crate::b::B;";
        assert_eq!(of(&named), [["a.rs", "b.rs"]]);
    }
}
