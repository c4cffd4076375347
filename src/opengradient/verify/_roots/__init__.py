"""Root certificates of hardware vendors, as this release embeds them."""
