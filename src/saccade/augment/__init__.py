"""The augment stage: policies, transforms tried out, stored views, the evaluation crop, previews.

What training needs to read views belongs to transforms/.
"""
