"""Text to compare: normalizing, pinyin and its confusions, segmentation."""
