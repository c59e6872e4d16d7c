//! The Rust that a schema becomes: a module per message with its structs, their defaults, `read` and `write`.

use std::fmt::Write;

use crate::schema::{Field, Message, Type, Versions};

pub(crate) fn message(code: &mut String, message: &Message) {
    let module = snake_case(&message.name);
    let _ = writeln!(code, "pub use {module}::{};", message.name);
    let _ = writeln!(code, "pub mod {module} {{\n#[allow(unused_imports)] use super::prelude::*;");
    for (name, fields) in &message.structs {
        structure(code, name, fields, message.flexible);
    }
    structure(code, &message.name, &message.fields, message.flexible);
    let _ = writeln!(
        code,
        "impl Message for {name} {{\nconst NAME: &'static str = \"{name}\";\nconst MIN_VERSION: i16 = {first};\n\
         const MAX_VERSION: i16 = {last};\nfn is_flexible(version: i16) -> bool {{ {flexible} }}\n\
         fn read(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {{ Self::read_fields(r, version) }}\n\
         fn write(&self, w: &mut Writer, version: i16) {{ self.write_fields(w, version) }}\n}}\n}}",
        name = message.name,
        first = message.versions.first,
        last = message.versions.last,
        flexible = condition(message.flexible),
    );
}

/// A struct with everything it needs, after the structs that its fields bring along.
fn structure(code: &mut String, name: &str, fields: &[Field], flexible: Versions) {
    for field in fields {
        if let (Some(nested), false) = (field.ty.struct_name(), field.fields.is_empty()) {
            structure(code, nested, &field.fields, flexible);
        }
    }
    let _ = writeln!(code, "#[derive(Clone, Debug, PartialEq)]\npub struct {name} {{");
    for field in fields {
        let _ = writeln!(code, "pub {}: {},", field.name, rust_type(field));
    }
    let _ = writeln!(code, "}}\nimpl Default for {name} {{ fn default() -> Self {{ Self {{");
    for field in fields {
        let _ = writeln!(code, "{}: {},", field.name, default_value(field));
    }
    let _ = writeln!(code, "}} }} }}\nimpl {name} {{");
    read_fields(code, fields, flexible);
    write_fields(code, fields, flexible);
    code.push_str("}\n");
}

fn read_fields(code: &mut String, fields: &[Field], flexible: Versions) {
    code.push_str(
        "#[allow(unused_mut)] pub(super) fn read_fields(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {\n",
    );
    let _ = writeln!(code, "let flexible = {};\nlet mut out = Self::default();", condition(flexible));
    for field in fields.iter().filter(|field| field.tag.is_none()) {
        let read = read_value(field);
        let _ = writeln!(code, "if {} {{ out.{} = {read}; }}", condition(field.versions), field.name);
    }
    code.push_str("if flexible { r.tagged_fields(|tag, r| { match tag {\n");
    for field in fields {
        if let Some((tag, versions)) = field.tag {
            let read = read_value(field);
            let _ = writeln!(code, "{tag} if {} => {{ out.{} = {read}; Ok(true) }}", condition(versions), field.name);
        }
    }
    code.push_str("_ => { let _ = r; Ok(false) } } })?; }\nOk(out)\n}\n");
}

fn write_fields(code: &mut String, fields: &[Field], flexible: Versions) {
    code.push_str("pub(super) fn write_fields(&self, w: &mut Writer, version: i16) {\n");
    let _ = writeln!(code, "let flexible = {};", condition(flexible));
    for field in fields.iter().filter(|field| field.tag.is_none()) {
        let write = write_value(field);
        let _ = writeln!(code, "if {} {{ {write} }}", condition(field.versions));
    }
    let mut tagged: Vec<_> =
        fields.iter().filter_map(|field| field.tag.map(|(tag, versions)| (tag, versions, field))).collect();
    if tagged.is_empty() {
        code.push_str("if flexible { w.unsigned_varint(0); }\n}\n");
        return;
    }
    code.push_str("if flexible {\nlet mut tags = TaggedFields::default();\n");
    tagged.sort_by_key(|(tag, ..)| *tag);
    for (tag, versions, field) in tagged {
        let write = write_value(field);
        let _ = writeln!(
            code,
            "if {} && self.{} != {} {{ tags.add({tag}, |w| {{ {write} }}); }}",
            condition(versions),
            field.name,
            default_value(field)
        );
    }
    code.push_str("tags.write(w);\n}\n}\n");
}

fn condition(versions: Versions) -> String {
    match versions {
        v if v.is_none() => "false".to_owned(),
        Versions { first: ..=0, last: i16::MAX } => "true".to_owned(),
        Versions { first, last: i16::MAX } => format!("version >= {first}"),
        Versions { first, last } => format!("(version >= {first} && version <= {last})"),
    }
}

fn is_records(ty: &Type) -> bool {
    matches!(ty, Type::Primitive(name) if name == "records" || name == "record_data")
}

fn is_optional(field: &Field) -> bool {
    !field.nullable.is_none() || is_records(&field.ty)
}

fn rust_type(field: &Field) -> String {
    let plain = plain_type(&field.ty);
    if is_optional(field) { format!("Option<{plain}>") } else { plain }
}

fn plain_type(ty: &Type) -> String {
    match ty {
        Type::Array(element) => format!("Vec<{}>", plain_type(element)),
        Type::Struct(name) => name.clone(),
        Type::Primitive(name) => match name.as_str() {
            "bool" => "bool",
            "int8" => "i8",
            "int16" => "i16",
            "uint16" => "u16",
            "int32" => "i32",
            "uint32" => "u32",
            "int64" => "i64",
            "float64" => "f64",
            "string" => "String",
            "bytes" | "records" => "Bytes",
            "record_data" => "RecordData",
            "uuid" => "Uuid",
            other => panic!("no Rust type for '{other}'"),
        }
        .to_owned(),
    }
}

fn default_value(field: &Field) -> String {
    if field.default.as_deref() == Some("null") || is_records(&field.ty) {
        return "None".to_owned();
    }
    let plain = match (&field.ty, &field.default) {
        (Type::Primitive(name), Some(value)) if name == "string" => format!("{value:?}.to_owned()"),
        (Type::Primitive(_), Some(value)) => value.clone(),
        (ty, _) => format!("<{}>::default()", plain_type(ty)),
    };
    if is_optional(field) { format!("Some({plain})") } else { plain }
}

fn flexible_flag(field: &Field) -> &'static str {
    if field.inflexible { "false" } else { "flexible" }
}

/// An expression that reads the field's value, honouring null.
fn read_value(field: &Field) -> String {
    let flexible = flexible_flag(field);
    let optional = is_optional(field);
    let what = format!("{:?}", field.name);
    match &field.ty {
        Type::Primitive(name) if matches!(name.as_str(), "string" | "bytes" | "records" | "record_data") => {
            let read = format!("r.nullable_{name}({flexible})?");
            if optional { read } else { format!("required({read}, {what})?") }
        }
        Type::Array(element) => {
            let read = format!("r.nullable_array({flexible}, |r| Ok({}))?", read_element(element, flexible));
            if optional { read } else { format!("required({read}, {what})?") }
        }
        Type::Struct(name) if optional => {
            let plain = format!("Some({name}::read_fields(r, version)?)");
            format!("if {} && r.int8()? < 0 {{ None }} else {{ {plain} }}", condition(field.nullable))
        }
        ty => {
            let read = read_element(ty, flexible);
            if optional { format!("Some({read})") } else { read }
        }
    }
}

fn read_element(ty: &Type, flexible: &str) -> String {
    match ty {
        Type::Struct(name) => format!("{name}::read_fields(r, version)?"),
        Type::Array(element) => {
            format!("required(r.nullable_array({flexible}, |r| Ok({}))?, \"array\")?", read_element(element, flexible))
        }
        Type::Primitive(name) if matches!(name.as_str(), "string" | "bytes" | "records" | "record_data") => {
            format!("required(r.nullable_{name}({flexible})?, \"element\")?")
        }
        Type::Primitive(name) => format!("r.{name}()?"),
    }
}

/// Statements that write the field's value. Null is written where this version allows it, else as empty.
fn write_value(field: &Field) -> String {
    let flexible = flexible_flag(field);
    let nullable = condition(field.nullable);
    let value = format!("self.{}", field.name);
    match &field.ty {
        Type::Primitive(name) if matches!(name.as_str(), "string" | "bytes" | "records" | "record_data") => {
            if is_optional(field) {
                let nullable = if is_records(&field.ty) { "true".to_owned() } else { nullable };
                format!("w.nullable_{name}({value}.as_ref(), {nullable}, {flexible});")
            } else {
                format!("w.{name}(&{value}, {flexible});")
            }
        }
        Type::Array(element) => {
            let slice = if is_optional(field) { format!("{value}.as_deref()") } else { format!("Some(&{value}[..])") };
            format!(
                "w.array({slice}, {nullable}, {flexible}, |w, item| {{ {} }});",
                write_element(element, "item", flexible)
            )
        }
        Type::Struct(_) if is_optional(field) => format!(
            "match &{value} {{ Some(value) => {{ if {nullable} {{ w.int8(1); }} value.write_fields(w, version); }} \
             None => w.int8(-1) }}"
        ),
        Type::Struct(_) => format!("{value}.write_fields(w, version);"),
        Type::Primitive(name) if is_optional(field) => format!("w.{name}({value}.unwrap_or_default());"),
        Type::Primitive(name) => format!("w.{name}({value});"),
    }
}

fn write_element(ty: &Type, item: &str, flexible: &str) -> String {
    match ty {
        Type::Struct(_) => format!("{item}.write_fields(w, version);"),
        Type::Array(element) => format!(
            "w.array(Some(&{item}[..]), false, {flexible}, |w, item| {{ {} }});",
            write_element(element, "item", flexible)
        ),
        Type::Primitive(name) if matches!(name.as_str(), "string" | "bytes" | "records" | "record_data") => {
            format!("w.{name}({item}, {flexible});")
        }
        Type::Primitive(name) => format!("w.{name}(*{item});"),
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
