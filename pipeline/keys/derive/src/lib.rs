//! The derive macros of `chorus-keys`; its documentation tells what they take.

use proc_macro::TokenStream;
use proc_macro2::{TokenStream as Tokens, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Field, Fields, LitStr, Path, Result, Token, parse_macro_input};

/// Derives `chorus_keys::Keys` for a struct whose fields are the keys of a section.
#[proc_macro_derive(Keys, attributes(keys, key))]
pub fn keys(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive_keys(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Derives `chorus_keys::KeyType` for an enum whose variants are words under their serde names, each with its doc comment as meaning.
#[proc_macro_derive(Choices)]
pub fn choices(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive_choices(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn derive_keys(input: &DeriveInput) -> Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "Keys is for a struct with a field for each key"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.ident.span(), "Keys needs fields with names"));
    };
    let (mut section, mut has_default) = (None, false);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("keys")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("section") {
                section = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("default") {
                has_default = true;
            } else {
                return Err(meta.error("expected section = \"…\" or default"));
            }
            Ok(())
        })?;
    }
    let section = section.ok_or_else(|| Error::new(input.ident.span(), "name the section: #[keys(section = \"…\")]"))?;
    let (mut keys, mut names) = (Vec::new(), Vec::new());
    for field in &fields.named {
        let serde = Serde::of(&field.attrs)?;
        let ty = &field.ty;
        if serde.skip {
            continue;
        }
        if serde.flatten {
            keys.push(quote! { keys.extend(<#ty as ::chorus_keys::Keys>::keys()); });
            names.push(quote! { names.extend(<#ty as ::chorus_keys::Keys>::names()); });
            continue;
        }
        let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
        let short = serde.rename.unwrap_or(ident);
        let name = if section.is_empty() { short } else { format!("{section}.{short}") };
        let key = key(field, &name)?;
        keys.push(quote! { keys.push(#key); });
        names.push(quote! { names.push(#name); });
    }
    let (ident, (generics, types, bounds)) = (&input.ident, input.generics.split_for_impl());
    let default = has_default.then(|| {
        quote! {
            impl #generics ::std::default::Default for #ident #types #bounds {
                fn default() -> Self {
                    ::chorus_keys::defaults()
                }
            }
        }
    });
    Ok(quote! {
        #default

        impl #generics ::chorus_keys::Keys for #ident #types #bounds {
            const SECTION: &'static str = #section;

            fn keys() -> ::std::vec::Vec<::chorus_keys::Key> {
                let mut keys = ::std::vec::Vec::new();
                #(#keys)*
                keys
            }

            fn names() -> ::std::vec::Vec<&'static str> {
                let mut names = ::std::vec::Vec::new();
                #(#names)*
                names
            }
        }
    })
}

/// An expression as it stands: syn parses ranges only with a feature that nothing else here needs.
fn until_comma(input: ParseStream<'_>) -> Result<Tokens> {
    let mut tokens = Tokens::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}

/// The expression of one key.
fn key(field: &Field, name: &str) -> Result<Tokens> {
    let about = doc(&field.attrs);
    if about.is_empty() {
        return Err(Error::new(field.span(), "a key needs a doc comment: its meaning"));
    }
    let (mut default, mut unit, mut example, mut before) = (None, None, None, None);
    let mut same_as = None;
    let (mut range, mut choices, mut base) = (None, None, quote! { ::chorus_keys::Base::None });
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("key")) {
        attr.parse_nested_meta(|meta| {
            let part = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match part.as_str() {
                "default" => default = Some(meta.value()?.parse::<LitStr>()?),
                "unit" => unit = Some(meta.value()?.parse::<LitStr>()?),
                "example" => example = Some(meta.value()?.parse::<LitStr>()?),
                "before" => before = Some(meta.value()?.parse::<LitStr>()?),
                "range" => range = Some(until_comma(meta.value()?)?),
                "choices" => choices = Some(meta.value()?.parse::<Path>()?),
                "same_as" => same_as = Some(meta.value()?.parse::<Path>()?),
                "path" => base = quote! { ::chorus_keys::Base::Current },
                "within" => {
                    let folder = meta.value()?.parse::<LitStr>()?;
                    base = quote! { ::chorus_keys::Base::Within(#folder) };
                }
                _ => {
                    let parts = "default, unit, range, example, before, choices, path, within or same_as";
                    return Err(meta.error(format!("expected {parts}")));
                }
            }
            Ok(())
        })?;
    }
    if let Some(other) = same_as {
        let message = format!("the other struct declares {name}");
        return Ok(quote! {
            <#other as ::chorus_keys::Keys>::keys().into_iter().find(|key| key.name == #name).expect(#message)
        });
    }
    let ty = &field.ty;
    let needs_default = match default {
        Some(_) => Tokens::new(),
        None => {
            let message = format!("{name}: only an Option goes without a default");
            quote! { const { assert!(<#ty as ::chorus_keys::KeyType>::NULLABLE, #message) }; }
        }
    };
    let default = default.map_or_else(|| quote! { "null" }, ToTokens::into_token_stream);
    let unit = unit.map_or_else(|| quote! { "" }, ToTokens::into_token_stream);
    let option = |text: Option<LitStr>| match text {
        Some(text) => quote! { ::std::option::Option::Some(#text) },
        None => quote! { ::std::option::Option::None },
    };
    let (example, before) = (option(example), option(before));
    let range = match range {
        Some(range) => quote! {{
            #[allow(unused_imports)]
            use ::chorus_keys::derived::above;
            ::chorus_keys::derived::Range::from(#range)
        }},
        None => quote! { ::chorus_keys::derived::Range::ALL },
    };
    let kind = match choices {
        Some(choices) => quote! { ::chorus_keys::Kind::Choice(#choices()) },
        None => quote! { <#ty as ::chorus_keys::KeyType>::kind(#range) },
    };
    Ok(quote! {{
        #needs_default
        ::chorus_keys::Key {
            name: #name,
            kind: #kind,
            nullable: <#ty as ::chorus_keys::KeyType>::NULLABLE,
            unit: #unit,
            default: #default,
            example: #example,
            before: #before,
            base: #base,
            about: #about,
        }
    }})
}

fn derive_choices(input: &DeriveInput) -> Result<Tokens> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "Choices is for an enum whose variants are words"));
    };
    let case = Serde::of(&input.attrs)?.rename_all;
    let mut words = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(variant.span(), "a word holds no fields"));
        }
        let name = match Serde::of(&variant.attrs)?.rename {
            Some(name) => name,
            None => renamed(&variant.ident.unraw().to_string(), case.as_deref()).ok_or_else(|| {
                Error::new(input.ident.span(), "expected rename_all = \"lowercase\", \"snake_case\" or \"kebab-case\"")
            })?,
        };
        let about = doc(&variant.attrs);
        if about.is_empty() {
            return Err(Error::new(variant.span(), "a word needs a doc comment: its meaning"));
        }
        words.push(quote! { ::chorus_keys::Word { name: #name, about: #about } });
    }
    let ident = &input.ident;
    Ok(quote! {
        impl ::chorus_keys::KeyType for #ident {
            fn kind(_: ::chorus_keys::Range) -> ::chorus_keys::Kind {
                ::chorus_keys::Kind::Choice(::std::vec![#(#words),*])
            }
        }
    })
}

/// A variant's name as serde writes it; `None` for a case that no configuration uses.
fn renamed(variant: &str, case: Option<&str>) -> Option<String> {
    let separated = |separator: char| {
        let mut name = String::new();
        for (i, c) in variant.chars().enumerate() {
            if i > 0 && c.is_uppercase() {
                name.push(separator);
            }
            name.extend(c.to_lowercase());
        }
        name
    };
    match case {
        None => Some(variant.to_owned()),
        Some("lowercase") => Some(variant.to_lowercase()),
        Some("snake_case") => Some(separated('_')),
        Some("kebab-case") => Some(separated('-')),
        Some(_) => None,
    }
}

/// What serde's attributes say that counts here.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    rename_all: Option<String>,
    flatten: bool,
    skip: bool,
}

impl Serde {
    fn of(attrs: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    found.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("rename_all") {
                    found.rename_all = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("flatten") {
                    found.flatten = true;
                } else if meta.path.is_ident("skip") {
                    found.skip = true;
                } else if meta.input.peek(Token![=]) {
                    until_comma(meta.value()?)?;
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// The text of a doc comment: lines of a paragraph joined, paragraphs apart.
fn doc(attrs: &[Attribute]) -> String {
    let mut paragraphs = vec![String::new()];
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        let syn::Meta::NameValue(meta) = &attr.meta else { continue };
        let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &meta.value else { continue };
        let line = line.value();
        match (line.trim(), paragraphs.last_mut()) {
            ("", _) => paragraphs.push(String::new()),
            (line, Some(paragraph)) => {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(line);
            }
            _ => {}
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n")
}
